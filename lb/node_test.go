package lb

import (
	"testing"
	"unsafe"
)

// TestNodesShareNoCacheLine: all that a choice looks at is in one, and no other node is in it.
func TestNodesShareNoCacheLine(t *testing.T) {
	const line = 64
	if size := unsafe.Sizeof(node{}); size%line != 0 {
		t.Errorf("a node has %d bytes", size)
	}
	if at := unsafe.Offsetof(node{}.id); at != line {
		t.Errorf("what a choice looks at has %d bytes", at)
	}
}
