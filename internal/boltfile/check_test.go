package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// What bbolt would believe, and then read past the file, loop for ever, find nothing, or overwrite what is in use.
func TestAStructureThatIsOutOfJointIsNoticed(t *testing.T) {
	content := fileOfManyPages(t)
	meta, err := readMeta(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	pageAt := func(content []byte, id uint64) page { return content[id*uint64(meta.pageSize):][:meta.pageSize] }
	branch, _, err := bucketRoot(valueOf(t, pageAt(content, meta.root), 1))
	if err != nil {
		t.Fatal(err)
	}
	child, err := pageAt(content, branch).child(1)
	if err != nil {
		t.Fatal(err)
	}
	large, _, err := bucketRoot(valueOf(t, pageAt(content, meta.root), 2))
	if err != nil {
		t.Fatal(err)
	}
	const first = pageHeaderSize // where the first element starts

	for _, test := range []struct {
		name   string
		page   uint64
		damage func(p page)
		want   string
	}{
		{"a branch leads back to itself", branch, func(p page) { put(p, first+8, branch) }, "is used twice"},
		{"a branch leads past the end", branch, func(p page) { put(p, first+8, uint64(1<<40)) }, "beyond the last one"},
		{"a branch leads to the free list", branch, func(p page) { put(p, first+8, meta.freeList) }, "is of kind 0x10 where a branch or a leaf belongs"},
		{"a branch leads nowhere", branch, func(p page) { put(p, 10, uint16(0)) }, "is a branch and leads nowhere"},
		{"a branch has too many children", branch, func(p page) { put(p, 10, uint16(1<<15)) }, "lies beyond its end"},
		{"a key of a branch is past its end", branch, func(p page) { put(p, first, uint32(1<<31)) }, "lies beyond its end"},
		{"a key of a branch is above those below it", branch, func(p page) { copy(child.keyIn(p), "~") }, "is out of order"},
		{"a key of a branch is below those before it", branch, func(p page) { copy(child.keyIn(p), "\x00") }, "is out of order"},
		{"a key of a leaf is above the next", child.page, func(p page) { copy(keyOf(t, p, 0), "~") }, "is out of order"},
		{"a key of a leaf is there twice", child.page, func(p page) { copy(p[first+16:first+32], moved(p[first:first+16])) }, "is out of order"},
		{"a value of a leaf is past its end", child.page, func(p page) { put(p, first+12, uint32(1<<31)) }, "lies beyond its end"},
		{"a record passes for a bucket", child.page, func(p page) { put(p, first, uint32(1)) }, "bucket"},
		{"a page has the number of another", child.page, func(p page) { put(p, 0, branch) }, "says that it is page"},
		{"a page goes on into others", child.page, func(p page) { put(p, 12, uint32(1<<20)) }, "beyond the last one"},
		{"a bucket is past the end", meta.root, func(p page) { put(valueOf(t, p, 1), 0, uint64(1<<40)) }, "beyond the last one"},
		{"a bucket is cut off", meta.root, func(p page) { put(p, first+12, uint32(3)) }, "its root is cut off"},
		{"a small bucket has lost an element", meta.root, func(p page) { put(valueOf(t, p, 0), 16+10, uint16(1)) }, "is not where the one before it ends"},
		{"a small bucket has bytes that it does not need", meta.root, func(p page) {
			v := valueOf(t, p, 0)
			put(v, 16+first+16+12, uint32(number(v[16+first+16+12:])-1))
		}, "its page needs"},
		{"a small bucket has lost everything", meta.root, func(p page) { put(valueOf(t, p, 0), 16+10, uint16(0)) }, "says that it is empty, and is not"},
		{"a leaf has lost its last element", child.page, func(p page) { put(p, 10, uint16(p.count()-1)) }, "is not where the one before it ends"},
		{"a leaf has lost everything", child.page, func(p page) { put(p, 10, uint16(0)) }, "says that it is empty, and is not"},
		{"a branch has lost its last child", branch, func(p page) { put(p, 10, uint16(p.count()-1)) }, "is not where the one before it ends"},
		{"a record is shorter than it was", child.page, func(p page) { put(p, first+12, uint32(number(p[first+12:])-1)) }, "is not where the one before it ends"},
		{"a key of a leaf is empty", child.page, func(p page) {
			put(p, first+12, uint32(number(p[first+8:])+number(p[first+12:])))
			put(p, first+8, uint32(0))
		}, "has no key"},
		{"a large record has lost a page", large, func(p page) { put(p, 12, p.overflow()-1) }, "lies beyond its end"},
		{"a large record has pages that it does not need", large, func(p page) { put(p, first+12, uint32(100)) }, "needs 0 further pages, and says 4"},
		{"a small bucket is of no kind", meta.root, func(p page) { put(valueOf(t, p, 0), 16+8, uint16(9)) }, "its page is of kind 0x9"},
		{"the free list is none", meta.freeList, func(p page) { put(p, 8, uint16(leafPage)) }, "is of kind 0x2 where the free list belongs"},
		{"the free list is endless", meta.freeList, func(p page) { put(p, 10, uint16(1<<16-1)); put(p, first, uint64(1<<60)) }, "lies beyond its end"},
		{"the free list names a page in use", meta.freeList, func(p page) { put(p, first, meta.root) }, "the free list: page"},
		{"the free list names a meta page", meta.freeList, func(p page) { put(p, first, uint64(1)) }, "the free list: page 1 is used twice"},
		{"nothing is left", meta.root, func(p page) { put(p, 10, uint16(0)) }, "says that it is empty, and is not"},
	} {
		t.Run(test.name, func(t *testing.T) {
			damaged := bytes.Clone(content)
			test.damage(pageAt(damaged, test.page))
			wantDamage(t, Check(bytes.NewReader(damaged), int64(len(damaged))), test.want)
		})
	}
}

func TestAMetaPageThatIsDamagedIsNoticedThoughTheOtherIsWhole(t *testing.T) {
	content := fileOfManyPages(t)
	size := os.Getpagesize()
	for name, at := range map[string]int{"the first": pageHeaderSize + 50, "the second": size + pageHeaderSize + 50} {
		t.Run(name, func(t *testing.T) {
			damaged := bytes.Clone(content)
			damaged[at] ^= 1
			wantDamage(t, Check(bytes.NewReader(damaged), int64(len(damaged))), "is damaged")
		})
	}
}

func TestAFileThatIsCutOffIsNoticed(t *testing.T) {
	content := fileOfManyPages(t)
	meta, err := readMeta(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	cut := content[:int(meta.pages-1)*meta.pageSize]
	wantDamage(t, Check(bytes.NewReader(cut), int64(len(cut))), "it is cut off")
}

// Whatever is done with a file, with and without a stored free list, it passes: a good file that is refused would be as
// bad as a damaged one that is not.
func TestWhateverBboltWritesPasses(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		for range rapid.IntRange(1, 3).Draw(r, "openings") {
			var file File
			db := database(t, path, &bbolt.Options{
				OpenFile: file.Open, NoSync: true, FreelistType: bbolt.FreelistMapType,
				NoFreelistSync: rapid.Bool().Draw(r, "no free list"),
			})
			random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
			for range rapid.IntRange(0, 12).Draw(r, "transactions") {
				update(t, db, func(tx *bbolt.Tx) error { return mix(tx, random) })
			}
			if err := db.Close(); err != nil {
				r.Fatal(err)
			}
		}
		content, err := os.ReadFile(path)
		if err != nil {
			r.Fatal(err)
		}
		if err := Check(bytes.NewReader(content), int64(len(content))); err != nil {
			r.Fatal(err)
		}
	})
}

// mix puts and deletes records of all sizes, and now and then a bucket.
func mix(tx *bbolt.Tx, random *rand.Rand) error {
	name := fmt.Sprintf("bucket %d", random.IntN(4))
	if random.IntN(8) == 0 && tx.Bucket([]byte(name)) != nil {
		return tx.DeleteBucket([]byte(name))
	}
	b := bucket(tx, name)
	first := random.IntN(2000)
	for n := range random.IntN(200) {
		key := fmt.Appendf(nil, "key %06d", first+n)
		size := random.IntN(300)
		if random.IntN(50) == 0 {
			size = random.IntN(20_000)
		}
		err := b.Put(key, make([]byte, size))
		if random.IntN(3) == 0 {
			err = b.Delete(fmt.Appendf(nil, "key %06d", random.IntN(2000)))
		}
		if err != nil {
			return err
		}
	}
	if random.IntN(10) > 0 {
		return nil
	}
	c := b.Cursor() // all of it
	for key, _ := c.First(); key != nil; key, _ = c.First() {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// wantDamage checks that an error is a Damage that says so much.
func wantDamage(t *testing.T, err error, text string) {
	t.Helper()
	if _, ok := errors.AsType[*Damage](err); !ok || !strings.Contains(err.Error(), text) {
		t.Errorf("the error is %v, want a Damage with %q", err, text)
	}
}

// put writes a number into a page.
func put[T uint16 | uint32 | uint64](b []byte, at int, n T) {
	if _, err := binary.Encode(b[at:], binary.NativeEndian, n); err != nil {
		panic(err)
	}
}

// keyIn finds the key of a child in another copy of its page.
func (c child) keyIn(p page) []byte {
	at := bytes.Index(p, c.key)
	return p[at : at+len(c.key)]
}

func keyOf(t *testing.T, p page, n int) []byte {
	t.Helper()
	e, err := p.element(n)
	if err != nil {
		t.Fatal(err)
	}
	return e.key
}

func valueOf(t *testing.T, p page, n int) []byte {
	t.Helper()
	e, err := p.element(n)
	if err != nil {
		t.Fatal(err)
	}
	return e.value
}

// moved is an element for the place of the next one: what it points to is a size of an element nearer.
func moved(e []byte) []byte {
	e = bytes.Clone(e)
	put(e, 4, binary.NativeEndian.Uint32(e[4:])-16)
	return e
}
