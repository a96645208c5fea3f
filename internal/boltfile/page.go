package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// page is one page of a bbolt file with those that it continues on: a header of id (8 bytes), kind (2), count (2) and number of
// further pages (4), then count elements of a fixed size, then what they point to. The layout is that of bbolt's file version
// 2, which the meta page names. Numbers are in the byte order of the machine.
type page []byte

const (
	pageHeaderSize = 16
	elementSize    = 16 // in a branch as in a leaf
)

const (
	branchPage   = 0x01
	leafPage     = 0x02
	freeListPage = 0x10
)

func (p page) id() uint64       { return binary.NativeEndian.Uint64(p) }
func (p page) kind() uint16     { return binary.NativeEndian.Uint16(p[8:]) }
func (p page) count() int       { return int(binary.NativeEndian.Uint16(p[10:])) }
func (p page) overflow() uint32 { return binary.NativeEndian.Uint32(p[12:]) }

// child is an element of a branch: position (4) and length (4) of the key, page (8).
type child struct {
	key  []byte
	page uint64
}

func (p page) child(n int) (child, error) {
	at := pageHeaderSize + n*elementSize
	e, err := p.cut(at, elementSize)
	if err != nil {
		return child{}, err
	}
	key, err := p.cut(at+number(e), number(e[4:]))
	return child{key: key, page: binary.NativeEndian.Uint64(e[8:])}, err
}

// element is an element of a leaf: flags (4), position of the key (4), length of the key (4), length of the value after it (4).
type element struct {
	key, value []byte
	bucket     bool
}

func (p page) element(n int) (element, error) {
	const bucketFlag = 0x01
	at := pageHeaderSize + n*elementSize
	e, err := p.cut(at, elementSize)
	if err != nil {
		return element{}, err
	}
	key, err := p.cut(at+number(e[4:]), number(e[8:]))
	if err != nil {
		return element{}, err
	}
	value, err := p.cut(at+number(e[4:])+len(key), number(e[12:]))
	return element{key: key, value: value, bucket: number(e)&bucketFlag != 0}, err
}

// extent checks that the elements point to what lies side by side behind the last of them, as bbolt writes it, and returns
// where that ends. A page that says that it holds less than it does would have a hole there.
func (p page) extent() (end int, err error) {
	end = pageHeaderSize + p.count()*elementSize
	for n := range p.count() {
		at := pageHeaderSize + n*elementSize
		e, err := p.cut(at, elementSize)
		if err != nil {
			return 0, err
		}
		position, size := number(e), number(e[4:])
		if p.kind() == leafPage {
			position, size = number(e[4:]), number(e[8:])+number(e[12:])
		}
		if at+position != end {
			return 0, fmt.Errorf("page %d: what element %d points to is not where the one before it ends", p.id(), n)
		}
		end += size
	}
	if end > len(p) {
		return 0, fmt.Errorf("page %d: something in it lies beyond its end", p.id())
	}
	if p.count() == 0 && slices.ContainsFunc(p[pageHeaderSize:], func(b byte) bool { return b != 0 }) {
		return 0, fmt.Errorf("page %d says that it is empty, and is not", p.id())
	}
	return end, nil
}

// free returns the pages of a free list. Where they are too many for the count, that is all ones and the first of them the count.
func (p page) free() ([]uint64, error) {
	const many = 0xFFFF
	if p.kind() != freeListPage {
		return nil, fmt.Errorf("page %d is of kind %#x where the free list belongs", p.id(), p.kind())
	}
	count, start := uint64(p.count()), pageHeaderSize
	if count == many {
		count, start = binary.NativeEndian.Uint64(p[start:]), start+8
	}
	list, err := p.cut(start, int(min(count, uint64(len(p))))*8)
	if err != nil {
		return nil, err
	}
	free := make([]uint64, count)
	for n := range free {
		free[n] = binary.NativeEndian.Uint64(list[n*8:])
	}
	return free, nil
}

// bucketRoot reads the value that a bucket has in the tree above it: the page of its root (8) and a counter (8). Where the
// root is 0, the bucket's only page follows.
func bucketRoot(value []byte) (root uint64, inline page, err error) {
	const size = 16
	if len(value) < size || len(value) < size+pageHeaderSize && binary.NativeEndian.Uint64(value) == 0 {
		return 0, nil, errors.New("its root is cut off")
	}
	return binary.NativeEndian.Uint64(value), page(value[size:]), nil
}

// cut returns the part of the page of that size from start on.
func (p page) cut(start, size int) ([]byte, error) {
	if start > len(p) || size > len(p)-start {
		return nil, fmt.Errorf("page %d: something in it lies beyond its end", p.id())
	}
	return p[start : start+size], nil
}

// number reads 4 bytes. Sums of a few of them don't overflow an int, which has 64 bits wherever muster runs.
func number(b []byte) int { return int(binary.NativeEndian.Uint32(b)) }
