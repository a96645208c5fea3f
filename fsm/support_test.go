package fsm

import (
	"bytes"
	"os"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
)

// memorySink is a snapshot's file in memory.
type memorySink struct {
	bytes.Buffer
	closed bool
}

func (s *memorySink) ID() string    { return "memory" }
func (s *memorySink) Cancel() error { return nil }
func (s *memorySink) Close() error  { s.closed = true; return nil }

// encodeVersion makes an entry another version's.
func encodeVersion(version byte, entry []byte) []byte {
	payload, err := record.Unframe(entry)
	if err != nil {
		panic(err)
	}
	payload = bytes.Clone(payload)
	payload[0] = version
	return record.AppendFramed(nil, payload)
}

// tempDir is a directory for one draw of a property.
func tempDir(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "fsm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
