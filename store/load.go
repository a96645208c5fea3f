package store

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// Load reads the file back, and makes the State that it returns the one that the next Save is compared with. A file in which
// nothing was ever saved gives an empty State at index 0.
//
// What it returns is exactly what was saved: it checks every record, that each stands under its own key, and their count and
// hash against the header, which was written with them. Anything else is an [ErrCorrupt], or an [ErrNewerFormat].
func (c *Checkpoint) Load() (Image, error) {
	var image Image
	var head []byte
	err := c.failed
	if err == nil {
		err = guarded(func() error {
			return c.db.View(func(tx *bbolt.Tx) (err error) {
				image, head, err = load(tx)
				return err
			})
		})
	}
	if err != nil {
		return Image{}, fmt.Errorf("load the checkpoint: %w", c.describe(err))
	}
	c.remember(image, head)
	return image, nil
}

// firstTransaction is the number of the first transaction that writes something. Those before are what bbolt puts into a new
// file. That a file holds no records would say less: a bit that has flipped can make it look like that.
const firstTransaction = 2

// load reads the image and a copy of the header's record.
func load(tx *bbolt.Tx) (Image, []byte, error) {
	if tx.ID() < firstTransaction {
		return empty(), nil, nil
	}
	meta, records := tx.Bucket([]byte(headerBucket)), tx.Bucket([]byte(recordsBucket))
	if meta == nil || records == nil {
		return Image{}, nil, corrupt(errors.New("a bucket is missing"))
	}
	head := bytes.Clone(meta.Get([]byte(headerKey)))
	h, err := decodeHeader(head)
	if err != nil {
		return Image{}, nil, err
	}
	l := loader{edit: registry.NewState().Edit()}
	if err := records.ForEach(l.take); err != nil {
		return Image{}, nil, corrupt(err)
	}
	staging, err := loadStaging(tx.Bucket([]byte(stagingBucket)))
	if err != nil {
		return Image{}, nil, corrupt(fmt.Errorf("the staging of a restore: %w", err))
	}
	receipts, err := loadReceipts(tx.Bucket([]byte(receiptsBucket)))
	if err != nil {
		return Image{}, nil, corrupt(fmt.Errorf("the receipts: %w", err))
	}
	history, err := loadHistory(tx.Bucket([]byte(historyBucket)))
	if err != nil {
		return Image{}, nil, corrupt(fmt.Errorf("the history: %w", err))
	}
	l.hash.Join(staging.Hash())
	l.hash.Join(receipts.Hash())
	l.hash.Join(history.Hash())
	if err := l.finish(h); err != nil {
		return Image{}, nil, corrupt(err)
	}
	l.edit.StartAt(h.Index)
	image := Image{
		ClusterID: h.ClusterID, Index: h.Index, Term: h.Term, Hash: l.hash,
		State: l.edit.Commit(), Staging: staging, Receipts: receipts, History: history, Commands: h.Commands,
	}
	return image, head, nil
}

// loader builds a state from records in the order of their keys: those of a service begin with its own.
type loader struct {
	edit *registry.Edit
	hash record.Hash

	service   string // that the record at hand belongs to
	index     uint64 // of that service
	alone     bool   // no instance of it has come yet
	instances int
}

func (l *loader) take(key, value []byte) error {
	name, id, ok := bytes.Cut(key, []byte{0})
	var err error
	switch {
	case !ok:
		err = errors.New("a key that belongs to no service")
	case len(id) == 0:
		err = l.takeService(string(name), value)
	default:
		err = l.takeInstance(name, id, value)
	}
	if err != nil {
		return fmt.Errorf("the record %q: %w", key, err)
	}
	return nil
}

func (l *loader) takeService(name string, value []byte) error {
	if l.alone {
		return fmt.Errorf("it comes where the first instance of service %q should", l.service)
	}
	index, err := decodeService(value)
	l.service, l.index, l.alone = name, index, true
	return err
}

func (l *loader) takeInstance(name, id, value []byte) error {
	i, err := decodeInstance(value)
	switch {
	case err != nil:
		return err
	case string(name) != i.Service || string(id) != i.ID:
		return fmt.Errorf("it holds an instance that belongs under %q", instanceKey(i.Service, i.ID))
	case i.Service != l.service:
		return fmt.Errorf("it comes among those of service %q", l.service)
	}
	l.edit.Put(i)
	l.edit.SetServiceIndex(l.service, l.index)
	l.hash.Add(i)
	l.instances++
	l.alone = false
	return nil
}

// finish compares what came with what was saved.
func (l *loader) finish(h header) error {
	switch {
	case l.alone:
		return fmt.Errorf("service %q has no instance", l.service)
	case l.instances != h.Instances:
		return fmt.Errorf("%d instances were saved and %d are there", h.Instances, l.instances)
	case l.hash.String() != h.StateHash:
		return fmt.Errorf("the instances were saved with the hash %s and have %s", h.StateHash, l.hash)
	}
	return nil
}
