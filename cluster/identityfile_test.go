package cluster

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kept makes the identity of a new node in dir and returns it as it is on the disk.
func kept(t *testing.T, dir string) (path string, content []byte) {
	t.Helper()
	id := identified(t, dir)
	if err := id.keep(); err != nil {
		t.Fatal(err)
	}
	to := promise{ClusterID: "01J0CLUSTER", Servers: []Server{{RaftID: id.get().RaftID, Label: "n1", Peer: "127.0.0.1:7301"}}}
	if err := id.promise(to); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(id.path)
	if err != nil {
		t.Fatal(err)
	}
	return id.path, content
}

func identified(t *testing.T, dir string) *identity {
	t.Helper()
	id, err := openIdentity(dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAnIdentityIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	first := identified(t, dir)
	if !first.isNew {
		t.Error("a new identity counts as an old one")
	}
	if _, err := os.Stat(first.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is written before it is to be kept: %v", err)
	}
	if err := first.keep(); err != nil {
		t.Fatal(err)
	}
	again := identified(t, dir)
	if again.isNew || !cmp.Equal(first.get(), again.get()) {
		t.Errorf("it is %v, and was %v", again.get(), first.get())
	}
}

// A flipped bit would make this node another one, or of another cluster.
func TestNoBitOfTheIdentityFlipsUnnoticed(t *testing.T) {
	path, content := kept(t, t.TempDir())
	want, err := decodeIdentity(content)
	if err != nil {
		t.Fatal(err)
	}
	for at := range content {
		for bit := range 8 {
			damaged := bytes.Clone(content)
			damaged[at] ^= 1 << bit
			got, err := decodeIdentity(damaged)
			if err == nil && !cmp.Equal(got, want) {
				t.Fatalf("with %q for %q it reads\n%v\nwant\n%v", damaged[at], content[at], got, want)
			}
		}
	}
	for size := range content {
		if _, err := decodeIdentity(content[:size]); err == nil && size < len(content)-1 {
			t.Errorf("cut to %d bytes it is still read", size)
		}
	}
	if err := os.WriteFile(path, content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = openIdentity(filepath.Dir(path), nil)
	for _, text := range []string{path, "is damaged", "let it join again"} {
		if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is not a line that says %q", err, text)
		}
	}
}

// Whoever adds to the record must not be taken for damage by those who don't know it.
func TestAnIdentityWithMoreInItIsRead(t *testing.T) {
	const later = `{"raft_id": "01J0NODE", "cluster_id": "01J0CLUSTER", "later": [1, 2]}`
	sum, err := checksumOf([]byte(later))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := decodeIdentity([]byte(`{"format": 1, "checksum": "` + sum + `", "node": ` + later + `, "more": true}`))
	if err != nil || rec.RaftID != "01J0NODE" || rec.ClusterID != "01J0CLUSTER" {
		t.Errorf("it reads %v, %v", rec, err)
	}
}

func TestWhatAWriteThatWasBrokenOffHasLeftIsRemoved(t *testing.T) {
	path, content := kept(t, t.TempDir())
	if err := os.WriteFile(path+newSuffix, []byte(`{"format": 1, "chec`), 0o600); err != nil {
		t.Fatal(err)
	}
	id := identified(t, filepath.Dir(path))
	want, err := decodeIdentity(content)
	if err != nil || !cmp.Equal(id.get(), want) {
		t.Errorf("it reads %v, %v, want %v", id.get(), err, want)
	}
	if _, err := os.Stat(path + newSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left: %v", err)
	}
}

// The node would otherwise try again, and believe a disk that has failed once.
func TestAnIdentityThatCannotBeWrittenEndsTheNode(t *testing.T) {
	dir := t.TempDir()
	kept(t, dir)
	var told error
	id, err := openIdentity(dir, func(err error) { told = err })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(id.path+newSuffix, 0o700); err != nil {
		t.Fatal(err)
	}
	before := id.get()
	if err := id.join("01J0CLUSTER", 1); err == nil || told == nil || !strings.Contains(told.Error(), "write this node's identity") {
		t.Errorf("the error is %v, and the node was told of %v", err, told)
	}
	if !cmp.Equal(id.get(), before) {
		t.Errorf("it says %v, which is not on the disk", id.get())
	}
}
