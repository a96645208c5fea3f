package store

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// page is one page of a bbolt file with those that it continues on: a header of id (8 bytes), kind (2), count (2) and number of
// further pages (4), then count elements of a fixed size, then what they point to. The layout is that of bbolt's file version
// 2, which the meta page names. Numbers are in the byte order of the machine.
type page []byte

const pageHeaderSize = 16

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

func (p page) children() ([]child, error) {
	const size = 16
	children := make([]child, p.count())
	for n := range children {
		e, err := p.cut(pageHeaderSize+n*size, size)
		if err != nil {
			return nil, err
		}
		key, err := p.cut(pageHeaderSize+n*size+number(e), number(e[4:]))
		if err != nil {
			return nil, err
		}
		children[n] = child{key: key, page: binary.NativeEndian.Uint64(e[8:])}
	}
	return children, nil
}

// element is an element of a leaf: flags (4), position of the key (4), length of the key (4), length of the value after it (4).
type element struct {
	key, value []byte
	bucket     bool
}

func (p page) elements() ([]element, error) {
	const size = 16
	const bucketFlag = 0x01
	elements := make([]element, p.count())
	for n := range elements {
		e, err := p.cut(pageHeaderSize+n*size, size)
		if err != nil {
			return nil, err
		}
		start, keySize, valueSize := pageHeaderSize+n*size+number(e[4:]), number(e[8:]), number(e[12:])
		both, err := p.cut(start, keySize+valueSize)
		if err != nil {
			return nil, err
		}
		elements[n] = element{key: both[:keySize:keySize], value: both[keySize:], bucket: number(e)&bucketFlag != 0}
	}
	return elements, nil
}

// free returns the pages of a free list. Where they are too many for the count, that is all ones and the first of them the count.
func (p page) free() ([]uint64, error) {
	const many = 0xFFFF
	if p.kind() != freeListPage {
		return nil, fmt.Errorf("it is of kind %#x", p.kind())
	}
	count, start := uint64(p.count()), pageHeaderSize
	if count == many {
		count, start = binary.NativeEndian.Uint64(p[start:]), start+8
	}
	if count > uint64(len(p)) {
		return nil, errCutOff
	}
	list, err := p.cut(start, int(count)*8)
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
	if len(value) < size {
		return 0, nil, errCutOff
	}
	root, inline = binary.NativeEndian.Uint64(value), page(value[size:])
	if root == 0 && len(inline) < pageHeaderSize {
		return 0, nil, errCutOff
	}
	return root, inline, nil
}

var errCutOff = errors.New("something in it lies beyond its end")

// cut returns the part of the page of that size from start on.
func (p page) cut(start, size int) ([]byte, error) {
	if start > len(p) || size > len(p)-start {
		return nil, errCutOff
	}
	return p[start : start+size], nil
}

// number reads 4 bytes. Sums of a few of them don't overflow an int, which has 64 bits wherever muster runs.
func number(b []byte) int { return int(binary.NativeEndian.Uint32(b)) }
