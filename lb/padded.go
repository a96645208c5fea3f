package lb

import "sync/atomic"

// padded is a counter of a whole service, with a cache line to itself so that its changes do not slow down readers of what
// would be beside it.
type padded struct {
	_ [64]byte
	n atomic.Int64
	_ [56]byte
}
