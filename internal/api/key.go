package api

// Key is the idempotency key of a write, empty for a call without one.
func (c Call[T]) Key() string { return c.key }

// WithKey is the write under the key of an earlier one, of which it is a repetition: it is applied once, and answered like the
// first. A drain may differ, since it is no part of what is decided.
func (c Call[T]) WithKey(key string) Call[T] {
	c.key = key
	return c
}
