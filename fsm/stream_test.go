package fsm

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

func TestASnapshotIsSummedUp(t *testing.T) {
	m := populated(t, 7, 25)
	b := backupOf(t, m)
	backup, err := m.Backup()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	want := Summary{
		Format: 1, ClusterID: "test-cluster", Index: 31, Term: 1, StateHash: backup.position.hash.String(), Instances: 25,
		Services: []ServiceSummary{{"service-00000", 16, 10}, {"service-00001", 26, 10}, {"service-00002", 31, 5}},
		Bytes:    int64(len(b)), SHA256: sha256.Sum256(b),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// A node must not go back to a muster that can't read what it holds, whichever way that came to it.
func TestTheNewestVersionOfCommandsIsRemembered(t *testing.T) {
	m := populated(t, 1, 5)
	if got := m.Image().Commands; got != writeVersion {
		t.Errorf("after plain writes it is %d", got)
	}
	judgement := entryOf(100, Write{Operations: []registry.Operation{registry.JudgeCheck{Service: "service-00000", ID: "i0"}}})
	mustApply(t, m, judgement)
	mustApply(t, m, entryOf(101, writeOf(registerOp("later", "i0", "1"))))
	restored := newMachine()
	if err := restored.Restore(io.NopCloser(bytes.NewReader(backupOf(t, m)))); err != nil {
		t.Fatal(err)
	}
	for name, machine := range map[string]*Machine{"applied": m, "restored": restored, "loaded": NewMachine(m.Image(), m.clusterID)} {
		if got := machine.Image().Commands; got != judgedVersion {
			t.Errorf("%s: it is %d, want %d", name, got, judgedVersion)
		}
	}
}

func TestABackupIsTheSameBytesEveryTime(t *testing.T) {
	m := populated(t, 1, 25)
	backup, err := m.Backup()
	if err != nil {
		t.Fatal(err)
	}
	one := backupOf(t, m)
	mustApply(t, m, entryOf(100, writeOf(registerOp("later", "i0", "1"))))
	var other bytes.Buffer
	n, err := backup.WriteTo(&other)
	if err != nil || n != int64(other.Len()) || !bytes.Equal(one, other.Bytes()) {
		t.Errorf("the second time: %d bytes counted, %d written, error %v", n, other.Len(), err)
	}
}

// restream is a stream of these records, each with a good checksum, and with a good trailer. What is wrong in it is wrong
// with its content.
func restream(t testing.TB, instances int, payloads ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := record.NewWriter(&b, maxRecord)
	sum := sha256.New()
	for _, payload := range payloads {
		sum.Write(payload)
		if err := w.Append(payload); err != nil {
			t.Fatal(err)
		}
	}
	trailer, err := json.Marshal(snapshotTrailer{instances, sum.Sum(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(append([]byte{kindTrailer}, trailer...)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// payloadsOf are the records of a stream without its trailer.
func payloadsOf(t testing.TB, stream []byte) [][]byte {
	t.Helper()
	var payloads [][]byte
	r := record.NewReader(bytes.NewReader(stream), maxRecord)
	for {
		payload, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if payload[0] == kindTrailer {
			return payloads
		}
		payloads = append(payloads, bytes.Clone(payload))
	}
}

func TestRecordsThatDoNotBelongTogetherAreRefused(t *testing.T) {
	good := payloadsOf(t, backupOf(t, populated(t, 1, 12)))
	header, first, last := good[0], good[1:12], good[12:] // header; service, ten instances; service, two instances
	transition := record.AppendTransition([]byte("X12345678"), &record.Transition{Service: "a", ID: "b", Cause: &record.Cause{Rule: registry.RuleRegistered}})
	join := func(parts ...[][]byte) [][]byte {
		var all [][]byte
		for _, part := range parts {
			all = append(all, part...)
		}
		return all
	}
	for name, c := range map[string]struct {
		payloads  [][]byte
		instances int
		words     string
	}{
		"nothing wrong":                     {good, 12, ""},
		"the header is missing":             {good[1:], 12, "no header"},
		"the header comes twice":            {join(good[:1], good), 12, "no header, or two"},
		"a newer format":                    {join([][]byte{bytes.Replace(header, []byte(`"format":1`), []byte(`"format":2`), 1)}, good[1:]), 12, "it has format 2"},
		"an instance is missing":            {good[:len(good)-1], 11, "the hash that its header names"},
		"and not counted":                   {good[:len(good)-1], 12, "should have 12 instances"},
		"an instance comes twice":           {join(good, good[len(good)-1:]), 13, `instance "i1" of service "service-00001" comes after "i1"`},
		"the services are swapped":          {join(good[:1], last, first), 12, "comes after"},
		"a service comes twice":             {join(good, last), 14, "comes after"},
		"a service has no instance":         {join(good, [][]byte{[]byte(`S{"name":"z","index":1}`)}), 12, `"z" has no instance`},
		"one in the middle has none":        {join(good[:1], [][]byte{[]byte(`S{"name":"a","index":1}`)}, good[1:]), 12, `"a" has no instance`},
		"an instance among those of others": {join(good[:2], good[13:]), 2, "among those of"},
		"a chunk of no restore":             {join(good, [][]byte{[]byte("Cchunk")}), 12, "belongs to no restore"},
		"a chunk that nobody hashed":        {join(good, [][]byte{[]byte("Rr"), []byte("Cchunk")}), 12, "the hash that its header names"},
		"a restore that nobody hashed":      {join(good, [][]byte{[]byte(`F{"restore":"r"}`)}), 12, "the hash that its header names"},
		"half a transition":                 {join(good, [][]byte{[]byte("X1234567")}), 12, "that does not belong there"},
		"a transition that nobody hashed":   {join(good, [][]byte{transition}), 12, "the hash that its header names"},
		"a kind that nobody knows":          {join(good, [][]byte{[]byte("?")}), 12, "unknown kind"},
		"an empty record":                   {join(good, [][]byte{{}}), 12, "empty record"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSnapshot(bytes.NewReader(restream(t, c.instances, c.payloads...)))
			if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("read with error %v, want %q", err, c.words)
			}
		})
	}
}

func TestNothingFollowsTheTrailer(t *testing.T) {
	whole := backupOf(t, populated(t, 1, 3))
	before := restream(t, 0, payloadsOf(t, whole)...)
	empty := restream(t, 0)
	trailer := whole[len(before)-len(empty):] // both trailers are as long
	if _, err := Inspect(bytes.NewReader(append(bytes.Clone(whole), trailer...))); err == nil || !strings.Contains(err.Error(), "after its trailer") {
		t.Errorf("a second trailer: error %v", err)
	}
}

// Whatever the bytes are: the reader comes to an end, and what it takes for a snapshot is the snapshot of that state.
func FuzzReadSnapshot(f *testing.F) {
	f.Add([]byte{})
	f.Add(stateBytes(f, inTheMiddleOfARestore(f)))
	f.Add(backupOf(f, populated(f, 1, 3)))
	f.Fuzz(func(t *testing.T, b []byte) { readAgain(t, b) })
}

// Most bytes that a fuzzer makes up fail at the first checksum. Here they are one record among good ones, and its checksums
// are right.
func FuzzSnapshotRecord(f *testing.F) {
	good := payloadsOf(f, stateBytes(f, inTheMiddleOfARestore(f)))
	for at, payload := range good {
		f.Add(at, payload)
	}
	f.Fuzz(func(t *testing.T, at int, payload []byte) {
		if at < 0 || at >= len(good) || len(payload) > maxRecord {
			return
		}
		payloads := slices.Clone(good)
		payloads[at] = payload
		readAgain(t, restream(t, 3, payloads...))
	})
}

// readAgain reads a stream and, where that works, writes and reads it again. The bytes may differ, as the encodings leave
// room for what this muster does not know.
func readAgain(t *testing.T, b []byte) {
	t.Helper()
	_, inspected := Inspect(bytes.NewReader(b))
	p, err := readSnapshot(bytes.NewReader(b))
	if (err == nil) != (inspected == nil) {
		t.Fatalf("read with error %v, inspected with error %v", err, inspected)
	}
	if err != nil {
		return
	}
	m := newMachine()
	m.position.Store(p)
	again, err := readSnapshot(bytes.NewReader(stateBytes(t, m)))
	if err != nil || again.hash != p.hash || again.state.Len() != p.state.Len() {
		t.Fatalf("read again with error %v: %d instances and hash %s, then %d and %s", err, p.state.Len(), p.hash, again.state.Len(), again.hash)
	}
}

func TestAnErrorOfTheSourceComesThrough(t *testing.T) {
	broken := errors.New("the disk is out")
	b := backupOf(t, populated(t, 1, 3))
	for _, cut := range []int{0, 5, len(b) - 5, len(b)} {
		if _, err := Inspect(io.MultiReader(bytes.NewReader(b[:cut]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: error %v", cut, err)
		}
	}
}
