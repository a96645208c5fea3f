package store

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
)

// What bbolt would believe, and then read past the file, loop for ever, find nothing, or overwrite what is in use.
func TestAStructureThatIsOutOfJointIsNoticed(t *testing.T) {
	content, _ := savedFile(t)
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
		{"a small bucket is of no kind", meta.root, func(p page) { put(valueOf(t, p, 0), 16+8, uint16(9)) }, "its page is of kind 0x9"},
		{"the free list is none", meta.freeList, func(p page) { put(p, 8, uint16(leafPage)) }, "is of kind 0x2 where the free list belongs"},
		{"the free list is endless", meta.freeList, func(p page) { put(p, 10, uint16(1<<16-1)); put(p, first, uint64(1<<60)) }, "lies beyond its end"},
		{"the free list names a page in use", meta.freeList, func(p page) { put(p, first, meta.root) }, "the free list: page"},
		{"the free list names a meta page", meta.freeList, func(p page) { put(p, first, uint64(1)) }, "the free list: page 1 is used twice"},
		{"nothing is left", meta.root, func(p page) { put(p, 10, uint16(0)) }, "a bucket is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			damaged := bytes.Clone(content)
			test.damage(pageAt(damaged, test.page))
			path := newPath(t)
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := read(path)
			wantLine(t, err, ErrCorrupt, path, test.want)
		})
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
