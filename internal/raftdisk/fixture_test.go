package raftdisk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/eventually"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come. It is long, since the machine may be busy.
const patience = 30 * time.Second

// place is a data directory, and the node that it belongs to.
type place struct {
	t     testing.TB
	dir   string
	id    string
	known bool // the node has an identity
	lines strings.Builder

	mu     sync.Mutex
	failed []error
}

func newPlace(t testing.TB) *place {
	t.Helper()
	return &place{t: t, dir: t.TempDir(), id: "node-1"}
}

func (p *place) path(names ...string) string {
	return filepath.Join(append([]string{p.dir, "raft"}, names...)...)
}

// try opens the storage, as a node would at its start.
func (p *place) try() (*Disk, error) {
	d, err := Open(Config{
		DataDir: p.dir, RaftID: p.id, New: !p.known,
		Failed: func(err error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.failed = append(p.failed, err)
		},
		Log:     slog.New(slog.NewTextHandler(&p.lines, nil)),
		RaftLog: hclog.NewNullLogger(),
	})
	p.known = p.known || err == nil
	return d, err
}

// open opens the storage, which must be in order.
func (p *place) open() *Disk {
	p.t.Helper()
	d, err := p.try()
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

// wantRefusal checks that the storage can't be opened, for a reason, and that it says so and what to do in one line.
func (p *place) wantRefusal(reason error, says ...string) {
	p.t.Helper()
	d, err := p.try()
	if err == nil {
		p.close(d)
		p.t.Fatal("it was opened")
	}
	wantLine(p.t, err, reason, says...)
}

func wantLine(t testing.TB, err, reason error, says ...string) {
	t.Helper()
	if !errors.Is(err, reason) {
		t.Fatalf("the error is %v, want one that is %q", err, reason)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is not one line", err)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
}

// failure is what the node was told of, nil if nothing.
func (p *place) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.failed...)
}

// awaitFailure waits until the node is told of a failure.
func (p *place) awaitFailure() error {
	p.t.Helper()
	eventually.Succeeds(p.t, patience, func() error {
		if p.failure() == nil {
			return errors.New("no failure is told")
		}
		return nil
	})
	return p.failure()
}

func (p *place) close(d *Disk) {
	p.t.Helper()
	if err := d.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// with opens the storage, lets f use it, and closes it.
func (p *place) with(f func(d *Disk)) {
	p.t.Helper()
	d := p.open()
	f(d)
	p.close(d)
}

// entriesOf are commands of one term, from first to last.
func entriesOf(term, first, last uint64) []*raft.Log {
	var entries []*raft.Log
	for index := first; index <= last; index++ {
		entries = append(entries, &raft.Log{
			Index: index, Term: term, Type: raft.LogCommand, Data: fmt.Appendf(nil, "%d/%d", term, index), AppendedAt: time.Unix(1e9, 7),
		})
	}
	return entries
}

func (p *place) append(d *Disk, entries ...*raft.Log) {
	p.t.Helper()
	if err := d.Log().StoreLogs(entries); err != nil {
		p.t.Fatal(err)
	}
}

// snapshot makes a snapshot that ends with the entry of that index and term.
func (p *place) snapshot(d *Disk, index, term uint64) (id string) {
	p.t.Helper()
	sink, err := d.Snapshots().Create(1, index, term, alone(p.id), 1, inmem(p.t))
	if err == nil {
		_, err = io.WriteString(sink, fmt.Sprint(index))
	}
	if err == nil {
		err = sink.Close()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return sink.ID()
}

func alone(id string) raft.Configuration {
	return raft.Configuration{Servers: []raft.Server{{ID: raft.ServerID(id), Address: raft.ServerAddress(id)}}}
}

func inmem(t testing.TB) *raft.InmemTransport {
	t.Helper()
	_, transport := raft.NewInmemTransport("")
	t.Cleanup(func() { _ = transport.Close() })
	return transport
}

// change changes a file.
func change(t testing.TB, path string, f func(content []byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// flipped flips a bit of what stands in a content, in every copy: bbolt leaves old ones behind.
func flipped(t testing.TB, what string) func([]byte) []byte {
	return func(content []byte) []byte {
		t.Helper()
		damaged := []byte(what)
		damaged[len(damaged)-1] ^= 1
		if !bytes.Contains(content, []byte(what)) {
			t.Fatalf("the file has no %q in it", what)
		}
		return bytes.ReplaceAll(content, []byte(what), damaged)
	}
}
