package store

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// Save makes the file hold image instead of what it holds, all at once and durably: when it returns, the image is on the
// disk, and when it fails or the power does, the file has one or the other. It writes only what differs, for which it
// compares pointers: the image's State should come from the one before by edits.
//
// The file must have been loaded. The image must be in order: its Index is the State's, and its Hash that of the State's
// instances, of the Staging, of the Receipts and of the History; with another Hash the file would count as corrupt when it is
// loaded. After an error Save may be called again.
//
// Now and then, when the file has grown far beyond what it holds, Save writes all of it anew, which takes as long as the
// first time.
func (c *Checkpoint) Save(image Image) error {
	err := c.save(image)
	if err != nil {
		err = fmt.Errorf("save the checkpoint: %w", c.describe(err))
	}
	return err
}

func (c *Checkpoint) save(image Image) error {
	switch {
	case c.failed != nil:
		return c.failed
	case c.saved == nil:
		return errors.New("it was not loaded, so what differs is unknown")
	case image.State.Index() != image.Index:
		return fmt.Errorf("the image has index %d and its state %d", image.Index, image.State.Index())
	}
	next, err := headerOf(image).encode()
	if err != nil {
		return err
	}

	panicked := true
	err = guarded(func() error {
		err := c.db.Update(func(tx *bbolt.Tx) error { return c.write(tx, image, next) })
		panicked = false
		return err
	})
	if panicked {
		c.failed = err
	}
	if err != nil {
		return err
	}
	c.remember(image, next)
	if c.bloated() {
		return c.compact(image)
	}
	return nil
}

// remember notes what the file holds.
func (c *Checkpoint) remember(image Image, header []byte) {
	c.saved, c.staged, c.receipts, c.history, c.header = image.State, image.Staging, image.Receipts, image.History, header
}

// write brings the file from what was saved last to image.
func (c *Checkpoint) write(tx *bbolt.Tx, image Image, header []byte) error {
	meta, err := tx.CreateBucketIfNotExists([]byte(headerBucket))
	if err != nil {
		return err
	}
	from, staged, receipts, history := c.saved, c.staged, c.receipts, c.history
	if !bytes.Equal(meta.Get([]byte(headerKey)), c.header) {
		// A transaction that failed can have reached the disk all the same, if only its last sync went wrong. Then what differs
		// from the file is unknown, and everything is written anew.
		from, staged, receipts, history = registry.NewState(), Staging{}, Receipts{}, History{}
		for _, name := range []string{recordsBucket, stagingBucket, receiptsBucket, historyBucket} {
			if err := deleteBucket(tx, name); err != nil {
				return err
			}
		}
	}
	records, err := tx.CreateBucketIfNotExists([]byte(recordsBucket))
	if err != nil {
		return err
	}
	if from.Len() == 0 {
		records.FillPercent = 0.9 // as keys come in order, no page will have to be split
	}
	for change := range changes(from, image.State) {
		if err := change.apply(records); err != nil {
			return err
		}
	}
	if err := saveStaging(tx, staged, image.Staging); err != nil {
		return err
	}
	if err := saveRing(tx, receiptsBucket, receipts.ring, image.Receipts.ring, record.AppendReceipt); err != nil {
		return err
	}
	if err := saveRing(tx, historyBucket, history.ring, image.History.ring, record.AppendTransition); err != nil {
		return err
	}
	return meta.Put([]byte(headerKey), header)
}

// apply puts or removes one record.
func (c change) apply(records *bbolt.Bucket) error {
	if c.value == nil {
		return records.Delete(c.key)
	}
	return records.Put(c.key, c.value)
}

// deleteBucket deletes a bucket that may be there.
func deleteBucket(tx *bbolt.Tx, name string) error {
	if tx.Bucket([]byte(name)) == nil {
		return nil
	}
	return tx.DeleteBucket([]byte(name))
}
