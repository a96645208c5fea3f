package raftdisk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

// newestIndex is where the newest snapshot ends that a start finds, 0 if there is none.
func (p *place) newestIndex() (index uint64) {
	p.t.Helper()
	p.with(func(d *Disk) {
		meta, err := d.snapshots.newest()
		if err != nil {
			p.t.Fatal(err)
		}
		index = meta.Index
	})
	return index
}

func (p *place) quarantined() []string {
	p.t.Helper()
	entries, err := os.ReadDir(filepath.Join(p.dir, "quarantine"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// Whatever is wrong with the newest snapshot, the one before it takes its place, and somebody is told.
func TestADamagedSnapshotIsPutAsideAndTheOlderOneTakesItsPlace(t *testing.T) {
	remove := func(path string) error { return os.Remove(path) }
	cut := func(path string) error { return os.Truncate(path, 1) }
	empty := func(path string) error { return os.Truncate(path, 0) }
	for name, damage := range map[string]struct {
		file string
		do   func(path string) error
		says string
	}{
		"the content is gone":    {"state.bin", remove, "its content"},
		"the content is cut":     {"state.bin", empty, "its content"},
		"meta.json is gone":      {"meta.json", remove, "meta.json"},
		"meta.json is cut":       {"meta.json", cut, "meta.json"},
		"the seal is gone":       {"seal", remove, "not finished"},
		"the seal is cut":        {"seal", cut, "its seal"},
		"the seal is cut to one": {"seal", empty, "its seal"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			var id string
			p.with(func(d *Disk) {
				p.snapshot(d, 4, 1)
				id = p.snapshot(d, 8, 1)
			})
			if err := damage.do(p.path("snapshots", id, damage.file)); err != nil {
				t.Fatal(err)
			}
			if index := p.newestIndex(); index != 4 {
				t.Errorf("the newest snapshot ends at %d", index)
			}
			if names := p.quarantined(); len(names) != 1 || !strings.HasPrefix(names[0], id) {
				t.Errorf("in quarantine lie %q", names)
			}
			if lines := p.lines.String(); strings.Count(lines, "put aside") != 1 || !strings.Contains(lines, damage.says) {
				t.Errorf("it says:\n%s", lines)
			}
		})
	}
}

// No bit of any file of a snapshot flips unnoticed.
func TestNoBitOfASnapshotFlipsUnnoticed(t *testing.T) {
	p := newPlace(t)
	var id string
	p.with(func(d *Disk) { id = p.snapshot(d, 8, 1) })
	d := p.open()
	defer p.close(d)
	for _, file := range []string{"meta.json", "state.bin", "seal"} {
		path := p.path("snapshots", id, file)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := range good {
			change(t, path, func(content []byte) []byte {
				content[at] ^= 1 << (at % 8)
				return content
			})
			_, isFlaw := errors.AsType[flaw](d.snapshots.inspect(id))
			if !isFlaw {
				t.Errorf("byte %d of %s has changed, and nobody sees it", at, file)
			}
			change(t, path, func([]byte) []byte { return good })
		}
	}
	if err := d.snapshots.inspect(id); err != nil {
		t.Error(err)
	}
}

func TestWithoutAnyWholeSnapshotTheLogMustReachBack(t *testing.T) {
	p := newPlace(t)
	var id string
	p.with(func(d *Disk) {
		p.append(d, entriesOf(1, 5, 9)...)
		id = p.snapshot(d, 8, 1)
	})
	change(t, p.path("snapshots", id, "state.bin"), func(content []byte) []byte { return append(content, 'x') })
	d := p.open()
	defer p.close(d)
	_, err := d.Settle(9)
	wantLine(t, err, ErrGap, "the entries 5 to 9", "let it join again")
}

func TestASnapshotOfAnotherNodeIsRefused(t *testing.T) {
	other, p := newPlace(t), newPlace(t)
	other.id = "node-9"
	var id string
	other.with(func(d *Disk) { id = other.snapshot(d, 8, 1) })
	p.with(func(*Disk) {})
	if err := os.Rename(other.path("snapshots", id), p.path("snapshots", id)); err != nil {
		t.Fatal(err)
	}
	p.wantRefusal(ErrForeign, "node-9", id)
}

func TestASnapshotOfANewerFormatAsksForANewerMuster(t *testing.T) {
	p := newPlace(t)
	var id string
	p.with(func(d *Disk) { id = p.snapshot(d, 8, 1) })
	b, err := seal(mark{Format: sealFormat + 1, RaftID: p.id})
	if err != nil {
		t.Fatal(err)
	}
	change(t, p.path("snapshots", id, "seal"), func([]byte) []byte { return b })
	p.wantRefusal(ErrNewerFormat, "format 2", "start a newer muster")
}

// A process that was killed leaves what it was at.
func TestWhatIsLeftOfASnapshotThatWasBrokenOffIsRemoved(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	p.snapshot(d, 4, 1)
	sink, err := d.Snapshots().Create(1, 8, 1, alone(p.id), 1, inmem(t))
	if err == nil {
		_, err = io.WriteString(sink, "half of")
	}
	if err != nil {
		t.Fatal(err)
	}
	p.close(d) // and never the sink
	if index := p.newestIndex(); index != 4 {
		t.Errorf("the newest snapshot ends at %d", index)
	}
	names, err := filepath.Glob(p.path("snapshots", "*.tmp"))
	if err != nil || len(names) > 0 || len(p.quarantined()) > 0 {
		t.Errorf("left are %q and %q, %v", names, p.quarantined(), err)
	}
	if err := sink.Cancel(); err != nil {
		t.Logf("the sink that was left: %v", err)
	}
}

// A snapshot that was cancelled, or closed twice, as Raft and the state machine do.
func TestASinkEndsOnce(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	defer p.close(d)
	for _, end := range []func(sink raft.SnapshotSink) error{
		func(sink raft.SnapshotSink) error { return errors.Join(sink.Close(), sink.Close(), sink.Cancel()) },
		func(sink raft.SnapshotSink) error { return errors.Join(sink.Cancel(), sink.Cancel()) },
	} {
		sink, err := d.Snapshots().Create(1, 8, 1, alone(p.id), 1, inmem(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := end(sink); err != nil {
			t.Error(err)
		}
	}
	if metas, err := d.Snapshots().List(); len(metas) != 1 || err != nil {
		t.Errorf("there are %d snapshots, %v", len(metas), err)
	}
}
