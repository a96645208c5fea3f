package raftdisk

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/internal/boltfile"
)

const (
	// cachedEntries spares followers that are a little behind the reading of the file.
	cachedEntries = 512

	// keptSnapshots is how many snapshots stay: should the newest be damaged, the one before it and the log take its place.
	keptSnapshots = 2
)

// Config says whose storage it is and where.
type Config struct {
	DataDir string // of the node; the storage has the folder raft in it
	RaftID  string // of the node: what has another is refused

	// New says that this node has got its id just now. Only then may the log be missing.
	New bool

	// Failed is told of the first error after which the node must end, from any goroutine. It must not wait.
	Failed func(error)

	Log     *slog.Logger
	RaftLog hclog.Logger // what hashicorp/raft itself has to say
}

// Disk is the open storage of one node.
type Disk struct {
	config Config
	broken *breakdown
	file   boltfile.File
	bolt   *raftboltdb.BoltStore

	ledger    *ledger
	entries   *entryStore // the log, each entry verified; an entry that can't be read is an error
	log       *lastWord   // the log and the rest as Raft gets them
	snapshots *snapshotStore
	installs  installs
}

// Open opens the storage, or makes it for a new node. It puts damaged snapshots into quarantine. What it refuses has one of
// the reasons of this package, or is an error of the file system. It is not to be called for a directory that is in use.
func Open(c Config) (_ *Disk, err error) {
	dir := filepath.Join(c.DataDir, "raft")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for Raft: %w", err)
	}
	d := &Disk{config: c, broken: &breakdown{report: c.Failed}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.release())
		}
	}()
	path := filepath.Join(dir, "raft.db")
	if err := d.openFile(path); err != nil {
		return nil, err
	}
	d.entries = &entryStore{path: path, bolt: d.bolt, broken: d.broken}
	d.ledger = &ledger{path: path, bolt: d.bolt, broken: d.broken}
	d.log = &lastWord{LogStore: d.entries, StableStore: d.ledger, broken: d.broken, path: path}
	if d.snapshots, err = openSnapshots(dir, c, d.entries, d.broken); err != nil {
		return nil, err
	}
	if err := d.openLedger(); err != nil {
		return nil, err
	}
	return d, nil
}

// openFile opens the log file, but not one that this node must have had and that is gone.
func (d *Disk) openFile(path string) error {
	if info, err := os.Stat(path); !d.config.New && (errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0) {
		return refusal(ErrLost, "%s is missing or empty", path)
	}
	err := boltfile.Guard(func() (err error) {
		d.bolt, err = raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: &bbolt.Options{
			OpenFile: d.file.Open, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true,
		}})
		return err
	})
	if damage, ok := errors.AsType[*boltfile.Damage](err); ok {
		return refusal(ErrDamaged, "Raft's log %s: %s", path, damage)
	}
	if err != nil {
		return fmt.Errorf("open Raft's log %s: %w", path, err)
	}
	if d.file.Fresh() {
		return syncDirectory(filepath.Dir(path)) // or it might be gone after a power failure
	}
	return nil
}

// openLedger sees to it that the log file is this node's, and the one that it has left behind.
func (d *Disk) openLedger() error {
	found, err := d.ledger.read()
	if err != nil {
		return err
	}
	held, err := d.bounds()
	if err != nil {
		return err
	}
	if d.config.New {
		if held != (bounds{}) || !d.ledger.unused() {
			return withoutIdentity(d.config.DataDir)
		}
		return d.ledger.change(func(p *page) { *p = page{Format: ledgerFormat, RaftID: d.config.RaftID} })
	}
	switch p := d.ledger.page; {
	case !found:
		return refusal(ErrDamaged, "the record of this node's term and vote in %s is missing", d.ledger.path)
	case p.RaftID != d.config.RaftID:
		return refusal(ErrForeign, "Raft's log %s belongs to the node with the id %s, and this one is %s", d.ledger.path, p.RaftID, d.config.RaftID)
	case p.Closed == nil:
		return nil
	case !p.Closed.fits(held):
		return refusal(ErrDamaged, "Raft's log %s was closed with %s, and has %s", d.ledger.path, p.Closed, held)
	}
	return d.ledger.change(func(p *page) { p.Closed = nil })
}

// Log is the log for whoever reads it beside Raft. Each entry is verified.
func (d *Disk) Log() raft.LogStore { return d.entries }

// Stable holds the term and the vote.
func (d *Disk) Stable() raft.StableStore { return &voteStore{StableStore: d.log} }

// Snapshots are Raft's snapshots, those that are whole.
func (d *Disk) Snapshots() raft.SnapshotStore { return d.snapshots }

// Close notes down what the log holds, so that the next start can tell that nothing of it was lost, and closes it. Raft
// must have ended.
func (d *Disk) Close() error {
	var errs []error
	if !d.broken.happened() {
		held, err := d.bounds()
		if err == nil {
			err = d.ledger.change(func(p *page) { p.Closed = &held })
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, d.release())...)
}

// release closes the file. It leaves alone a bbolt that has panicked or failed, which might wait for its own locks for ever.
func (d *Disk) release() error {
	if d.bolt == nil || d.broken.happened() {
		d.file.Release()
		return nil
	}
	if err := d.bolt.Close(); err != nil {
		return fmt.Errorf("close Raft's log %s: %w", d.entries.path, err)
	}
	return nil
}

// bounds are the indexes of the first and of the last entry of the log, and the last one's term. All are 0 where it is
// empty. The term alone is 0 where the last entry is damaged, and a snapshot has what it was.
type bounds struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	Term  uint64 `json:"term"`
}

func (b bounds) String() string {
	switch {
	case b.Last == 0:
		return "no entry"
	case b.Term == 0:
		return fmt.Sprintf("the entries %d to %d", b.First, b.Last)
	}
	return fmt.Sprintf("the entries %d to %d, of term %d", b.First, b.Last, b.Term)
}

// fits tells whether a log that was closed with b may be the one that was found.
func (b bounds) fits(found bounds) bool {
	if b.Term == 0 || found.Term == 0 {
		b.Term, found.Term = 0, 0
	}
	return b == found
}

func (d *Disk) bounds() (b bounds, err error) {
	if b.First, err = d.entries.FirstIndex(); err != nil {
		return b, err
	}
	if b.Last, err = d.entries.LastIndex(); err != nil || b.Last == 0 {
		return b, err
	}
	var last raft.Log
	if err := d.entries.read(b.Last, &last); err == nil {
		b.Term = last.Term
		return b, nil
	}
	newest, err := d.snapshots.newest()
	if err != nil || b.Last <= newest.Index {
		return b, err
	}
	return b, d.entries.GetLog(b.Last, &last) // the node may have acknowledged it, and nothing else has it
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
