package raftdisk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/boltfile"
)

// ledgerFormat is the version of the ledger, and with it of the whole log file.
const ledgerFormat = 1

// keyLedger is the one key that the ledger stands under.
var keyLedger = []byte("muster")

// errNotFound carries the very text by which hashicorp/raft recognises a record that was never written.
var errNotFound = errors.New("not found")

// page is what the ledger holds.
type page struct {
	Format int               `json:"format"`
	RaftID string            `json:"raft_id"` // of the node whose log this is
	Values map[string][]byte `json:"values,omitempty"`
	Closed *bounds           `json:"closed,omitempty"` // what the log held when it was closed in good order; nil while it is open
}

// ledger keeps in one record all that Raft must never forget: its term and its vote. Were they records each, one that can't
// be found any more would pass for one that was never written, and this node would vote twice. The one record is there
// from the beginning, so that it can be missed. With it stands what the file is and whose.
type ledger struct {
	path   string
	bolt   raft.StableStore
	broken *breakdown

	mu   sync.Mutex
	page page
}

// read reads the record; found is false where there is none.
func (l *ledger) read() (found bool, err error) {
	var b []byte
	err = boltfile.Guard(func() (err error) {
		b, err = l.bolt.Get(keyLedger)
		return err
	})
	if err != nil && err.Error() == errNotFound.Error() {
		return false, nil
	}
	if err == nil {
		err = unseal(b, &l.page)
	}
	switch {
	case err != nil:
		return false, refusal(ErrDamaged, "the record of this node's term and vote in %s: %s", l.path, err)
	case l.page.Format > ledgerFormat:
		return false, newerFormat(l.path, l.page.Format, ledgerFormat)
	}
	return true, nil
}

// change writes the record anew, all of it at once.
func (l *ledger) change(f func(p *page)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.broken.reason(); err != nil {
		return err
	}
	next := l.page
	next.Values = maps.Clone(l.page.Values)
	f(&next)
	b, err := seal(next)
	if err == nil {
		err = boltfile.Guard(func() error { return l.bolt.Set(keyLedger, b) })
	}
	if err != nil {
		return l.broken.of(fmt.Errorf("write this node's term and vote into %s: %w", l.path, err))
	}
	l.page = next
	return nil
}

// unused tells whether nothing was ever written into it that this node could be held to.
func (l *ledger) unused() bool { return len(l.page.Values) == 0 }

func (l *ledger) Set(key, value []byte) error {
	return l.change(func(p *page) {
		if p.Values == nil {
			p.Values = map[string][]byte{}
		}
		p.Values[string(key)] = value
	})
}

func (l *ledger) Get(key []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	value, ok := l.page.Values[string(key)]
	if !ok {
		return nil, errNotFound
	}
	return value, nil
}

func (l *ledger) SetUint64(key []byte, value uint64) error {
	return l.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

func (l *ledger) GetUint64(key []byte) (uint64, error) {
	value, err := l.Get(key)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("%d bytes where a number has 8", len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}
