package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/internal/record"
)

// In the bucket of a ring each item stands under its number, in 8 bytes, and under this key the number that the next one
// gets. The bucket is missing as long as there was none.
const nextKey = "next"

func itemKey(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }

// saveRing turns the bucket of one ring into that of another: what was forgotten since goes, what came is added.
func saveRing[T any](tx *bbolt.Tx, name string, from, to ring[T], encode func([]byte, *T) []byte) error {
	if from.Next() == 0 && to.Next() == 0 {
		return nil
	}
	bucket, err := tx.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return err
	}
	for number, item := range from.changes(to) {
		if item == nil {
			err = bucket.Delete(itemKey(number))
		} else {
			err = bucket.Put(itemKey(number), record.AppendFramed(nil, encode(nil, item)))
		}
		if err != nil {
			return err
		}
	}
	if from.Next() == to.Next() {
		return nil
	}
	return bucket.Put([]byte(nextKey), record.AppendFramed(nil, itemKey(to.Next())))
}

// loadRing reads the bucket of a ring, which may be missing: it gives every item to add, and returns the number that the next
// one gets.
func loadRing[T any](bucket *bbolt.Bucket, most int, decode func([]byte) (*T, error), add func(number uint64, item *T)) (next uint64, err error) {
	if bucket == nil {
		return 0, nil
	}
	value, err := record.Unframe(bucket.Get([]byte(nextKey)))
	if err == nil && len(value) != 8 {
		err = fmt.Errorf("%d bytes where a number has 8", len(value))
	}
	if err != nil {
		return 0, fmt.Errorf("the number that the next one gets: %w", err)
	}
	next = binary.BigEndian.Uint64(value)
	count := 0
	err = bucket.ForEach(func(key, value []byte) error {
		if string(key) == nextKey {
			return nil
		}
		if count++; len(key) != 8 || binary.BigEndian.Uint64(key) >= next || count > most {
			return fmt.Errorf("the key %q does not belong there", key)
		}
		b, err := record.Unframe(value)
		if err != nil {
			return err
		}
		item, err := decode(b)
		if err == nil {
			add(binary.BigEndian.Uint64(key), item)
		}
		return err
	})
	return next, err
}

func loadReceipts(bucket *bbolt.Bucket) (r Receipts, err error) {
	next, err := loadRing(bucket, MaxReceipts, record.DecodeReceipt, func(number uint64, receipt *record.Receipt) {
		r = r.Skip(number)
		r, _ = r.Add(receipt)
	})
	return r.Skip(next), err
}

func loadHistory(bucket *bbolt.Bucket) (h History, err error) {
	next, err := loadRing(bucket, MaxTransitions, record.DecodeTransition, func(number uint64, t *record.Transition) {
		h = h.Skip(number).Add(t, *t.Cause)
	})
	return h.Skip(next), err
}
