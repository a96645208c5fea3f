package store

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// bbolt believes what a page says about itself and about others. A length that is wrong makes it read past the file, a page
// that points back to one above it is followed until the memory is used up, and a free list that names a page in use gets that
// page overwritten by the next transaction. No recover helps against the last two. So the structure of a file is walked once
// before bbolt opens it: every page is where it says, within the file and used once, every key is in order. The content of
// the records is not looked at here.

// checkPages walks the structure of a bbolt file. An empty file is in order: bbolt will fill it.
func checkPages(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	m, err := readMeta(file)
	if err != nil {
		return err
	}
	if pages := uint64(info.Size()) / uint64(m.pageSize); m.pages > pages {
		return corrupt("cut off: of %d pages only %d are there", m.pages, pages)
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
}

// use marks count pages from id on, which must not be in use yet. So a walk always ends.
func (w *walk) use(id, count uint64) error {
	if total := uint64(len(w.used)); id >= total || count > total-id {
		return corrupt("%d pages from page %d on are beyond the last one, %d", count, id, total-1)
	}
	for n := id; n < id+count; n++ {
		if w.used[n] {
			return corrupt("page %d is used twice", n)
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
	p := make(page, w.pageSize)
	if _, err := w.file.ReadAt(p, int64(id)*int64(w.pageSize)); err != nil {
		return nil, err
	}
	if p.id() != id {
		return nil, corrupt("page %d says that it is page %d", id, p.id())
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
	where := fmt.Sprintf("page %d", id)
	switch p.kind() {
	case leafPage:
		return w.leaf(p, where, low, high)
	case branchPage:
		return w.branch(p, where, low, high)
	default:
		return corrupt("%s is of kind %#x where a branch or a leaf belongs", where, p.kind())
	}
}

func (w *walk) branch(p page, where string, low, high []byte) error {
	children, err := p.children()
	if err != nil || len(children) == 0 {
		return corrupt("%s is a branch without a child, or is cut off: %v", where, err)
	}
	for n, child := range children {
		below := high
		if n+1 < len(children) {
			below = children[n+1].key
		}
		if err := inOrder(where, n, child.key, low, below); err != nil {
			return err
		}
		if err := w.tree(child.page, child.key, below); err != nil {
			return err
		}
		low = nil // the order of the keys of this page among each other is checked by the bound above
	}
	return nil
}

func (w *walk) leaf(p page, where string, low, high []byte) error {
	elements, err := p.elements()
	if err != nil {
		return corrupt("%s: %w", where, err)
	}
	for n, e := range elements {
		below := high
		if n+1 < len(elements) {
			below = elements[n+1].key
		}
		if err := inOrder(where, n, e.key, low, below); err != nil {
			return err
		}
		low = nil
		if e.bucket {
			if err := w.bucket(e.value, fmt.Sprintf("%s, bucket %q", where, e.key)); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucket walks the pages of a bucket, or the one that a small bucket has inside its own value.
func (w *walk) bucket(value []byte, where string) error {
	root, inline, err := bucketRoot(value)
	switch {
	case err != nil:
		return corrupt("%s: %w", where, err)
	case root != 0:
		return w.tree(root, nil, nil)
	case inline.kind() != leafPage:
		return corrupt("%s: its page is of kind %#x where a leaf belongs", where, inline.kind())
	}
	return w.leaf(inline, where, nil, nil)
}

// freeList marks the pages that are free as used, so that none is also in use otherwise.
func (w *walk) freeList(id uint64) error {
	p, err := w.page(id)
	if err != nil {
		return err
	}
	free, err := p.free()
	if err != nil {
		return corrupt("the free list, page %d: %w", id, err)
	}
	for _, id := range free {
		if err := w.use(id, 1); err != nil {
			return fmt.Errorf("the free list: %w", err)
		}
	}
	return nil
}

func inOrder(where string, n int, key, low, high []byte) error {
	if bytes.Compare(key, low) < 0 || high != nil && bytes.Compare(key, high) >= 0 {
		return corrupt("%s: key %d, %q, is out of order", where, n, key)
	}
	return nil
}
