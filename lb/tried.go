package lb

import "slices"

// Tried are the instances that a call has been to, so that its next try goes elsewhere. The zero value is empty. It belongs
// to one call; the first few need no allocation.
type Tried struct {
	first [4]string
	more  []string
	n     int
}

// Add notes an instance by its id.
func (t *Tried) Add(id string) {
	if t.n < len(t.first) {
		t.first[t.n] = id
	} else {
		t.more = append(t.more, id)
	}
	t.n++
}

// Has tells whether the call has been to the instance. A nil Tried has none.
func (t *Tried) Has(id string) bool {
	if t == nil {
		return false
	}
	if slices.Contains(t.first[:min(t.n, len(t.first))], id) {
		return true
	}
	return slices.Contains(t.more, id)
}

// Len is how many instances there are.
func (t *Tried) Len() int {
	if t == nil {
		return 0
	}
	return t.n
}

// Reset empties it, so that it can be used for another call.
func (t *Tried) Reset() { *t = Tried{more: t.more[:0]} }

// with returns a copy that has one more.
func (t *Tried) with(id string) *Tried {
	c := &Tried{}
	if t != nil {
		*c = *t
		c.more = append([]string(nil), t.more...)
	}
	c.Add(id)
	return c
}
