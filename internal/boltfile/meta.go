package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// meta is what a meta page says of the whole file.
type meta struct {
	pageSize    int
	root        uint64 // page of the tree of buckets
	freeList    uint64 // page
	pages       uint64 // in use or free; what is behind them in the file is nothing yet
	transaction uint64
}

// readMeta returns the newer one of the two metas, which transactions write in turn. bbolt contents itself with one that is
// valid, but would go back to the state before without a word where the newer one is damaged; so here both must be valid. A
// transaction that is broken off damages neither: a meta is a fraction of the sector that a disk writes all or not at all.
func readMeta(file io.ReaderAt) (meta, error) {
	zero, err := parseMeta(file, 0)
	if err != nil {
		return meta{}, err
	}
	one, err := parseMeta(file, zero.pageSize)
	if err != nil {
		return meta{}, err
	}
	if zero.pageSize != one.pageSize {
		return meta{}, errors.New("its two meta pages do not agree on the size of a page")
	}
	if zero.transaction > one.transaction {
		return zero, nil
	}
	return one, nil
}

// parseMeta reads the meta in the page at an offset: magic number (4 bytes), version (4), page size (4), flags (4), root (8), a
// counter (8), free list (8), pages (8), transaction (8), and the FNV-1a of all that (8).
func parseMeta(file io.ReaderAt, offset int) (meta, error) {
	const (
		size    = 64
		summed  = size - 8
		magic   = 0xED0CDAED
		version = 2
	)
	b := make([]byte, size)
	if _, err := file.ReadAt(b, int64(offset+pageHeaderSize)); err != nil && !errors.Is(err, io.EOF) {
		return meta{}, err
	}
	sum := fnv.New64a()
	sum.Write(b[:summed]) // never fails
	m := meta{
		pageSize:    number(b[8:]),
		root:        binary.NativeEndian.Uint64(b[16:]),
		freeList:    binary.NativeEndian.Uint64(b[32:]),
		pages:       binary.NativeEndian.Uint64(b[40:]),
		transaction: binary.NativeEndian.Uint64(b[48:]),
	}
	valid := binary.NativeEndian.Uint32(b) == magic && binary.NativeEndian.Uint32(b[4:]) == version &&
		binary.NativeEndian.Uint64(b[summed:]) == sum.Sum64()
	if !valid || m.pageSize < 1<<10 || m.pages < 2 {
		return meta{}, fmt.Errorf("the meta page at byte %d is damaged", offset)
	}
	return m, nil
}
