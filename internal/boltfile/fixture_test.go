package boltfile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// database opens a new bbolt file, or an old one.
func database(t testing.TB, path string, options *bbolt.Options) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, options)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func update(t testing.TB, db *bbolt.DB, f func(tx *bbolt.Tx) error) {
	t.Helper()
	if err := db.Update(f); err != nil {
		t.Fatal(err)
	}
}

// fileOfManyPages has a bucket that is small enough to stand within its parent, one with a few dozen pages, some of them
// free by now, and one with a record that takes several.
func fileOfManyPages(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	db := database(t, path, nil)
	random := rand.New(rand.NewPCG(4, 2))
	for range 8 {
		update(t, db, func(tx *bbolt.Tx) error {
			small, large, tree := bucket(tx, "a small one"), bucket(tx, "c large one"), bucket(tx, "b tree")
			err := small.Put([]byte("one"), []byte("1"))
			if err == nil {
				err = small.Put([]byte("two"), []byte("2"))
			}
			if err == nil {
				err = large.Put([]byte("record"), bytes.Repeat([]byte("long "), 4000))
			}
			for range 100 {
				if err == nil {
					err = tree.Put(fmt.Appendf(nil, "key %04d", random.IntN(1000)), make([]byte, 150))
				}
			}
			return err
		})
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func bucket(tx *bbolt.Tx, name string) *bbolt.Bucket {
	b, err := tx.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		panic(err)
	}
	return b
}
