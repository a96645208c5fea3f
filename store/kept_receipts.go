package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/internal/record"
)

// In the bucket of the receipts each stands under its number, in 8 bytes, and under this key the number that the next one
// gets. The bucket is missing as long as there was none.
const nextReceiptKey = "next"

func receiptNumber(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// saveReceipts turns the bucket of some receipts into that of later ones: what was forgotten since goes, what came is added.
func saveReceipts(tx *bbolt.Tx, from, to Receipts) error {
	if from.Next() == to.Next() && from.First() == to.First() && to.continues(from) {
		return nil
	}
	if !to.continues(from) { // they are of a state that was put in the place of the one before
		if err := deleteBucket(tx, receiptsBucket); err != nil {
			return err
		}
		from = ReceiptsFrom(to.First())
	}
	bucket, err := tx.CreateBucketIfNotExists([]byte(receiptsBucket))
	if err != nil {
		return err
	}
	for n := from.First(); n < min(to.First(), from.Next()); n++ {
		if err := bucket.Delete(receiptNumber(n)); err != nil {
			return err
		}
	}
	for n, receipt := range to.Since(from.Next()) {
		if err := bucket.Put(receiptNumber(n), record.AppendFramed(nil, record.AppendReceipt(nil, receipt))); err != nil {
			return err
		}
	}
	return bucket.Put([]byte(nextReceiptKey), record.AppendFramed(nil, receiptNumber(to.Next())))
}

// loadReceipts reads the bucket, which may be missing.
func loadReceipts(bucket *bbolt.Bucket) (Receipts, error) {
	if bucket == nil {
		return Receipts{}, nil
	}
	value, err := record.Unframe(bucket.Get([]byte(nextReceiptKey)))
	if err == nil && len(value) != 8 {
		err = fmt.Errorf("%d bytes where a number has 8", len(value))
	}
	if err != nil {
		return Receipts{}, fmt.Errorf("the number that the next one gets: %w", err)
	}
	next := binary.BigEndian.Uint64(value)
	first := next
	if key, _ := bucket.Cursor().First(); len(key) == 8 {
		first = binary.BigEndian.Uint64(key)
	}
	r := ReceiptsFrom(first)
	err = bucket.ForEach(func(key, value []byte) error {
		if string(key) == nextReceiptKey {
			return nil
		}
		if string(key) != string(receiptNumber(r.Next())) || r.Next()-first == MaxReceipts {
			return fmt.Errorf("the key %q does not belong there", key)
		}
		b, err := record.Unframe(value)
		if err != nil {
			return err
		}
		receipt, err := record.DecodeReceipt(b)
		if err == nil {
			r, _ = r.Add(receipt)
		}
		return err
	})
	if err == nil && r.Next() != next {
		err = fmt.Errorf("they end before number %d", next)
	}
	return r, err
}
