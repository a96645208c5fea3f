package simulation

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

var (
	errTimedOut = errors.New("connection timed out")
	errReset    = errors.New("connection reset by peer")
	errRefused  = errors.New("connection refused")
)

// cable is a connection between two machines.
type cable struct {
	network *network
	flows   [2]*flow // there and back
}

func newCable(n *network, from, to string) *cable {
	w := &cable{network: n}
	w.flows[0] = &flow{network: n, from: from, to: to, wake: make(chan struct{}, 1)}
	w.flows[1] = &flow{network: n, from: to, to: from, wake: make(chan struct{}, 1)}
	return w
}

func (w *cable) joins(a, b string) bool {
	from, to := w.flows[0].from, w.flows[0].to
	return from == a && to == b || from == b && to == a
}

// touches tells whether one end is at a machine.
func (w *cable) touches(machine string) bool {
	return w.flows[0].from == machine || w.flows[0].to == machine
}

// broken ends the connection at both ends.
func (w *cable) broken(err error) {
	for _, f := range w.flows {
		f.fail(err)
	}
}

// end is one end of a cable, a [net.Conn]. Writes never wait: there is room enough.
type end struct {
	cable   *cable
	in, out *flow
	local   net.Addr
	remote  net.Addr
}

func (e *end) Read(b []byte) (int, error)        { return e.in.read(b) }
func (e *end) Write(b []byte) (int, error)       { return e.out.write(b) }
func (e *end) LocalAddr() net.Addr               { return e.local }
func (e *end) RemoteAddr() net.Addr              { return e.remote }
func (e *end) SetWriteDeadline(time.Time) error  { return nil }
func (e *end) SetReadDeadline(t time.Time) error { e.in.until(t); return nil }
func (e *end) SetDeadline(t time.Time) error     { return e.SetReadDeadline(t) }

// Close says goodbye to the other end, which gets what was written before.
func (e *end) Close() error {
	e.out.close()
	e.in.fail(net.ErrClosed)
	return nil
}

// flow is one direction of a cable.
type flow struct {
	network  *network
	from, to string
	wake     chan struct{} // tells the reader that something has changed

	mu       sync.Mutex
	parcels  []parcel
	closed   bool  // by the writer, after the parcels
	err      error // at once
	deadline time.Time
}

// parcel is what was written at once.
type parcel struct {
	data      []byte
	sent, due time.Time
}

func (f *flow) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *flow) write(b []byte) (int, error) {
	f.network.mu.Lock()
	takes := f.network.send(f.network.link(f.from, f.to))
	f.network.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return 0, net.ErrClosed
	case f.err != nil:
		return 0, errReset
	}
	sent := time.Now()
	due := sent.Add(takes)
	if last := len(f.parcels); last > 0 && f.parcels[last-1].due.After(due) {
		due = f.parcels[last-1].due // in order
	}
	f.parcels = append(f.parcels, parcel{append([]byte(nil), b...), sent, due})
	f.signal()
	return len(b), nil
}

func (f *flow) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.signal()
}

// fail ends the flow. The reader hears of it at once.
func (f *flow) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err, f.parcels = err, nil
	}
	f.signal()
}

func (f *flow) until(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deadline = t
	f.signal()
}

func (f *flow) read(b []byte) (int, error) {
	for {
		n, next, err := f.take(b)
		if n > 0 || err != nil {
			return n, err
		}
		f.wait(next)
	}
}

// arrival is when something may arrive: at a time, or zero where none is known, or when the link is healed.
type arrival struct {
	due    time.Time
	healed <-chan struct{} // nil where the link is not cut
}

// take takes what has arrived. Where nothing has, it says when something may.
func (f *flow) take(b []byte) (n int, next arrival, err error) {
	f.network.mu.Lock()
	l := f.network.link(f.from, f.to)
	cut, healedAt, resumes := l.cuts > 0, l.healed, l.resumes
	healed := l.changed
	f.network.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	switch {
	case f.err != nil:
		return 0, next, f.err
	case !f.deadline.IsZero() && !f.deadline.After(now):
		return 0, next, os.ErrDeadlineExceeded
	case cut:
		return 0, arrival{f.deadline, healed}, nil
	case len(f.parcels) == 0 && f.closed:
		return 0, next, io.EOF
	case len(f.parcels) == 0:
		return 0, arrival{due: f.deadline}, nil
	}
	head := &f.parcels[0]
	due := head.due
	if head.sent.Before(healedAt) && due.Before(resumes) {
		due = resumes
	}
	if due.After(now) {
		if !f.deadline.IsZero() && f.deadline.Before(due) {
			due = f.deadline
		}
		return 0, arrival{due: due}, nil
	}
	n = copy(b, head.data)
	if head.data = head.data[n:]; len(head.data) == 0 {
		f.parcels = f.parcels[1:]
	}
	return n, next, nil
}

// wait waits until there may be something to take.
func (f *flow) wait(next arrival) {
	var arrives <-chan time.Time
	if !next.due.IsZero() {
		timer := time.NewTimer(time.Until(next.due))
		defer timer.Stop()
		arrives = timer.C
	}
	select {
	case <-f.wake:
	case <-arrives:
	case <-next.healed:
	}
}
