package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/internal/record"
)

// In the bucket of the staging stand the id of the restore under way, each of its chunks under this prefix and its number,
// and the last restore that went through. What there is none of is missing.
const (
	restoreKey  = "restore"
	finishedKey = "finished"
	chunkPrefix = "chunk/"
)

// chunkKey orders chunks by their numbers.
func chunkKey(number int) []byte {
	return binary.BigEndian.AppendUint32([]byte(chunkPrefix), uint32(number))
}

// saveStaging turns the bucket of one staging into that of the next. Chunks that both share are left where they are: a
// restore of many megabytes is written once, not with every save.
func saveStaging(tx *bbolt.Tx, from, to Staging) error {
	if from.Hash() == to.Hash() {
		return nil
	}
	shared := from.shared(to)
	if shared < len(from.chunks) || from.finished != to.finished {
		shared = 0
		if err := deleteBucket(tx, stagingBucket); err != nil {
			return err
		}
	}
	bucket, err := tx.CreateBucketIfNotExists([]byte(stagingBucket))
	if err != nil {
		return err
	}
	put := func(key, payload []byte) {
		if err == nil {
			err = bucket.Put(key, record.AppendFramed(nil, payload))
		}
	}
	for n := shared; n < len(to.chunks); n++ {
		put(chunkKey(n), to.chunks[n])
	}
	if to.restore != "" {
		put([]byte(restoreKey), []byte(to.restore))
	}
	if to.finished != (Finished{}) {
		finished, failed := json.Marshal(to.finished)
		if failed != nil {
			return failed
		}
		put([]byte(finishedKey), finished)
	}
	return err
}

// loadStaging reads the bucket, which may be missing.
func loadStaging(bucket *bbolt.Bucket) (Staging, error) {
	var s Staging
	if bucket == nil {
		return s, nil
	}
	if value := bucket.Get([]byte(finishedKey)); value != nil {
		finished, err := record.Unframe(value)
		if err != nil {
			return s, err
		}
		if err := json.Unmarshal(finished, &s.finished); err != nil {
			return s, err
		}
	}
	restore := ""
	if value := bucket.Get([]byte(restoreKey)); value != nil {
		id, err := record.Unframe(value)
		if err != nil {
			return s, err
		}
		restore = string(id)
	}
	return s, bucket.ForEach(func(key, value []byte) error {
		if string(key) == restoreKey || string(key) == finishedKey {
			return nil
		}
		if !bytes.Equal(key, chunkKey(len(s.chunks))) || restore == "" {
			return fmt.Errorf("the key %q does not belong there", key)
		}
		chunk, err := record.Unframe(value)
		if err != nil || len(chunk) == 0 {
			return errors.Join(fmt.Errorf("chunk %d is damaged", len(s.chunks)), err)
		}
		s = s.Add(restore, bytes.Clone(chunk))
		return nil
	})
}
