package boltfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

func TestTheSecondOpenerIsTurnedAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	var first, second File
	db := database(t, path, &bbolt.Options{OpenFile: first.Open})
	if !first.Fresh() {
		t.Error("a new file does not count as fresh")
	}
	if _, err := bbolt.Open(path, 0o600, &bbolt.Options{OpenFile: second.Open}); !errors.Is(err, ErrInUse) {
		t.Errorf("the second opener gets %v", err)
	}
	second.Release()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	third := File{}
	db = database(t, path, &bbolt.Options{OpenFile: third.Open})
	if third.Fresh() {
		t.Error("an old file counts as fresh")
	}
	third.Release() // as if bbolt had panicked
	database(t, path, &bbolt.Options{OpenFile: new(File).Open})
	_ = db
}

func TestADamagedFileNeverReachesBbolt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	content := fileOfManyPages(t)
	content[2*os.Getpagesize()] ^= 64 // the number of a page
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var file File
	_, err := bbolt.Open(path, 0o600, &bbolt.Options{OpenFile: file.Open})
	wantDamage(t, err, "says that it is page")
	file.Release()
}

func TestFaultsAndPanicsAreErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, fileOfManyPages(t), 0o600); err != nil {
		t.Fatal(err)
	}
	db := database(t, path, nil)
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	err := Guard(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("b tree")).ForEach(func(_, value []byte) error {
				_ = bytes.Clone(value)
				return nil
			})
		})
	})
	wantDamage(t, err, "a part of it can't be read")
	wantDamage(t, Guard(func() error { panic("out of joint") }), "out of joint")
	failed := errors.New("failed")
	if err := Guard(func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("another error becomes %v", err)
	}
}
