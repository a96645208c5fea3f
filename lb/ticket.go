package lb

import "sync/atomic"

// ticket holds a call for a done function. It is used again for other calls, and each use has a number of its own: a function
// ends the call only while the ticket still has the number it was made with, and so once.
type ticket struct {
	use  atomic.Uint64
	call Call
}

// done makes the function that ends the call.
func (b *Balancer) done(call Call) func(error) {
	t, _ := b.tickets.Get().(*ticket)
	if t == nil {
		t = &ticket{}
	}
	t.call = call
	use := t.use.Load()
	return func(err error) {
		if !t.use.CompareAndSwap(use, use+1) {
			return
		}
		call := t.call
		t.call = Call{}
		b.tickets.Put(t)
		call.Done(Outcome{Err: err})
	}
}
