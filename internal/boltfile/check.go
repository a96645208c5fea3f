package boltfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// bbolt believes what a page says about itself and about others. A length that is wrong makes it read past the file, a page
// that points back to one above it is followed until the memory is used up, and a free list that names a page in use gets that
// page overwritten by the next transaction. No recover helps against the last two. So the structure of a file is walked once
// before bbolt opens it: every page is where it says, within the file and used once, every key is in order, and what a page
// holds lies side by side without a hole, so that nothing drops out where a page says that it holds less than it does. The
// content of the records is not looked at here.

// Check walks the structure of a bbolt file of that size. What is wrong with it is a [Damage], unless the file system fails.
func Check(file io.ReaderAt, size int64) error {
	err := checkStructure(file, size)
	if _, ok := errors.AsType[*fs.PathError](err); ok || err == nil {
		return err
	}
	return &Damage{err.Error()}
}

func checkStructure(file io.ReaderAt, size int64) error {
	m, err := readMeta(file)
	if err != nil {
		return err
	}
	if pages := uint64(size) / uint64(m.pageSize); m.pages > pages {
		return fmt.Errorf("it is cut off: of %d pages only %d are there", m.pages, pages)
	}
	w := walk{file: file, pageSize: m.pageSize, used: make([]bool, m.pages)}
	w.used[0], w.used[1] = true, true // the metas
	if err := w.tree(m.root, nil, nil); err != nil {
		return err
	}
	return w.freeList(m.freeList)
}

// walk goes through all pages that are reachable from the meta page.
type walk struct {
	file     io.ReaderAt
	pageSize int
	used     []bool // by the number of the page
	spare    page   // memory for the next page
}

// use marks count pages from id on, which must not be in use yet. So a walk always ends.
func (w *walk) use(id, count uint64) error {
	if total := uint64(len(w.used)); id >= total || count > total-id {
		return fmt.Errorf("%d pages from page %d on are beyond the last one, %d", count, id, total-1)
	}
	for n := id; n < id+count; n++ {
		if w.used[n] {
			return fmt.Errorf("page %d is used twice", n)
		}
		w.used[n] = true
	}
	return nil
}

// page reads a page, with those that it continues on, and marks them as used.
func (w *walk) page(id uint64) (page, error) {
	if err := w.use(id, 1); err != nil {
		return nil, err
	}
	p := w.spare
	if w.spare = nil; p == nil {
		p = make(page, w.pageSize)
	}
	if _, err := w.file.ReadAt(p, int64(id)*int64(w.pageSize)); err != nil {
		return nil, err
	}
	if p.id() != id {
		return nil, fmt.Errorf("page %d says that it is page %d", id, p.id())
	}
	if more := uint64(p.overflow()); more > 0 {
		if err := w.use(id+1, more); err != nil {
			return nil, err
		}
		p = append(p, make(page, more*uint64(w.pageSize))...)
		if _, err := w.file.ReadAt(p[w.pageSize:], int64(id+1)*int64(w.pageSize)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// tree walks the page and everything below it. Its keys must be in order, from low on and below high; nil is no bound.
func (w *walk) tree(id uint64, low, high []byte) error {
	p, err := w.page(id)
	if err != nil {
		return err
	}
	switch p.kind() {
	case leafPage:
		err = w.leaf(p, low, high)
	case branchPage:
		err = w.branch(p, low, high)
	default:
		err = fmt.Errorf("page %d is of kind %#x where a branch or a leaf belongs", id, p.kind())
	}
	if err == nil {
		err = w.size(p)
	}
	w.spare = p[:w.pageSize]
	return err
}

// size checks that a page continues on as many further pages as it needs.
func (w *walk) size(p page) error {
	end, err := p.extent()
	if err == nil && (end-1)/w.pageSize != int(p.overflow()) {
		err = fmt.Errorf("page %d needs %d further pages, and says %d", p.id(), (end-1)/w.pageSize, p.overflow())
	}
	return err
}

func (w *walk) branch(p page, low, high []byte) error {
	if p.count() == 0 {
		return fmt.Errorf("page %d is a branch and leads nowhere", p.id())
	}
	c, err := p.child(0)
	if err != nil {
		return err
	}
	if bytes.Compare(c.key, low) < 0 {
		return outOfOrder(p, c.key)
	}
	for n := 1; n < p.count(); n++ {
		next, err := p.child(n)
		if err != nil {
			return err
		}
		if bytes.Compare(c.key, next.key) >= 0 {
			return outOfOrder(p, next.key)
		}
		if err := w.tree(c.page, c.key, next.key); err != nil {
			return err
		}
		c = next
	}
	if high != nil && bytes.Compare(c.key, high) >= 0 {
		return outOfOrder(p, c.key)
	}
	return w.tree(c.page, c.key, high)
}

func (w *walk) leaf(p page, low, high []byte) error {
	for n := range p.count() {
		e, err := p.element(n)
		if err != nil {
			return err
		}
		if len(e.key) == 0 {
			return fmt.Errorf("page %d: element %d has no key", p.id(), n)
		}
		order := bytes.Compare(e.key, low)
		if order < 0 || order == 0 && n > 0 || high != nil && bytes.Compare(e.key, high) >= 0 {
			return outOfOrder(p, e.key)
		}
		if e.bucket {
			if err := w.bucket(e.value); err != nil {
				return fmt.Errorf("bucket %q: %w", e.key, err)
			}
		}
		low = e.key
	}
	return nil
}

func outOfOrder(p page, key []byte) error {
	return fmt.Errorf("page %d: the key %q is out of order", p.id(), key)
}

// bucket walks the pages of a bucket, or the one that a small bucket has inside its own value.
func (w *walk) bucket(value []byte) error {
	root, inline, err := bucketRoot(value)
	switch {
	case err != nil:
		return err
	case root != 0:
		return w.tree(root, nil, nil)
	case inline.kind() != leafPage:
		return fmt.Errorf("its page is of kind %#x where a leaf belongs", inline.kind())
	}
	end, err := inline.extent()
	if err == nil && end != len(inline) {
		err = fmt.Errorf("its page needs %d bytes, and has %d", end, len(inline))
	}
	if err != nil {
		return err
	}
	return w.leaf(inline, nil, nil)
}

// noFreeList stands for the page of the free list where the file is kept without one: bbolt then takes every page for free
// that its trees do not lead to.
const noFreeList = 1<<64 - 1

// freeList marks the pages that are free as used, so that none is also in use otherwise.
func (w *walk) freeList(id uint64) error {
	if id == noFreeList {
		return nil
	}
	p, err := w.page(id)
	if err != nil {
		return err
	}
	free, err := p.free()
	if err != nil {
		return err
	}
	for _, id := range free {
		if err := w.use(id, 1); err != nil {
			return fmt.Errorf("the free list: %w", err)
		}
	}
	return nil
}
