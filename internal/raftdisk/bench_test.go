package raftdisk

import (
	"bytes"
	"testing"

	"github.com/hashicorp/raft"
)

// BenchmarkSettle is what a start looks at before Raft does: as many entries as stay behind a snapshot.
func BenchmarkSettle(b *testing.B) {
	p := newPlace(b)
	d := p.open()
	entries := entriesOf(1, 1, 10240)
	for _, entry := range entries {
		entry.Data = bytes.Repeat([]byte("x"), 300)
	}
	for first := 0; first < len(entries); first += 64 {
		if err := d.Log().StoreLogs(entries[first : first+64]); err != nil {
			b.Fatal(err)
		}
	}
	p.snapshot(d, 10240, 1)
	for b.Loop() {
		if fromCheckpoint, err := d.Settle(10240); err != nil || !fromCheckpoint {
			b.Fatal(fromCheckpoint, err)
		}
	}
	p.close(d)
}

// BenchmarkStoreLogs is what a group of entries costs, with and without checksums: most of it is the disk.
func BenchmarkStoreLogs(b *testing.B) {
	for name, of := range map[string]func(d *Disk) raft.LogStore{
		"with checksums":    (*Disk).Log,
		"without checksums": func(d *Disk) raft.LogStore { return d.bolt },
	} {
		b.Run(name, func(b *testing.B) {
			p := newPlace(b)
			d := p.open()
			store, index := of(d), uint64(0)
			for b.Loop() {
				entries := entriesOf(1, index+1, index+64)
				index += 64
				if err := store.StoreLogs(entries); err != nil {
					b.Fatal(err)
				}
			}
			if err := d.release(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
