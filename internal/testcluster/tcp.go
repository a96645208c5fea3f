package testcluster

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// acceptConnections takes connections until the proxy is closed.
func (p *Proxy) acceptConnections(ctx context.Context) {
	for {
		client, err := p.tcp.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // a client that was gone again
		}
		l := &link{proxy: p, client: client, dead: make(chan struct{})}
		p.mu.Lock()
		p.links[l] = struct{}{}
		p.mu.Unlock()
		p.running.Go(func() {
			l.serve(ctx)
			p.mu.Lock()
			delete(p.links, l)
			p.mu.Unlock()
		})
	}
}

// A link is one connection through the proxy: to the client that dialled, and onward to the target.
type link struct {
	proxy          *Proxy
	client, target *net.TCPConn

	broken atomic.Bool // one side is gone, whatever reading from it says
	once   sync.Once
	dead   chan struct{} // closed by reset
}

// serve dials the target and carries both ways until both have ended.
func (l *link) serve(ctx context.Context) {
	if ctx.Err() != nil || !l.dial(ctx) {
		l.reset()
		return
	}
	var ways sync.WaitGroup
	ways.Go(func() { l.carry(ToTarget, l.client, l.target) })
	ways.Go(func() { l.carry(FromTarget, l.target, l.client) })
	ways.Wait()
	// Where both ways came to their end this leaves the kernel to deliver what is on its way; else it was reset already.
	_, _ = l.client.Close(), l.target.Close()
}

// dial connects to the target once the way there is free. It returns false where there will be no connection.
func (l *link) dial(ctx context.Context) bool {
	var cut bool
	alive := l.proxy.conditions.await(l.dead, ToTarget, func(lane *lane, _ time.Time) time.Duration {
		cut = lane.cut
		if lane.hole || lane.stalled {
			return untilChange
		}
		return 0
	})
	if !alive || cut {
		return false
	}
	l.proxy.mu.Lock()
	addr := l.proxy.target
	l.proxy.mu.Unlock()
	if addr == "" {
		return false
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	l.proxy.mu.Lock()
	l.target = conn.(*net.TCPConn)
	l.proxy.mu.Unlock()
	select {
	case <-l.dead: // reset while it dialled, when there was no target yet to reset
		abort(l.target)
		return false
	default:
		return true
	}
}

// readAhead is how many pieces of a connection may be under way at once: more than a delay of a second needs in a test,
// and little enough that a stalled connection soon pushes back.
const readAhead = 64

// carry moves one way's bytes, and then its end, from one side to the other.
func (l *link) carry(d Direction, from, to *net.TCPConn) {
	pieces := make(chan piece, readAhead)
	var reading sync.WaitGroup
	reading.Go(func() { l.receive(d, from, pieces) })
	defer reading.Wait()
	for p := range pieces {
		if !l.deliver(d, p, to) {
			l.abandon(d)
			return
		}
	}
}

// receive reads pieces until the side that sends has ended, or the link is dead.
func (l *link) receive(d Direction, from *net.TCPConn, pieces chan<- piece) {
	defer close(pieces)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		for _, p := range l.pieces(d, buf[:n], err) {
			select {
			case pieces <- p:
			case <-l.dead:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pieces are what one call of Read has brought.
func (l *link) pieces(d Direction, data []byte, end error) (pieces []piece) {
	l.proxy.conditions.read(d, func(lane *lane) {
		if len(data) > 0 {
			pieces = append(pieces, lane.piece(append([]byte(nil), data...), time.Now()))
		}
		if end != nil {
			last := lane.piece(nil, time.Now())
			last.end = end
			pieces = append(pieces, last)
		}
	})
	return pieces
}

// deliver writes a piece as the faults let it through. It returns false when the side that should have it is gone.
func (l *link) deliver(d Direction, p piece, to *net.TCPConn) bool {
	for {
		var n int
		var spent func()
		alive := l.proxy.conditions.await(l.dead, d, func(lane *lane, now time.Time) (wait time.Duration) {
			n, wait = lane.admitStream(p, now)
			if wait == 0 && lane.limit != nil && lane.limit.left == 0 {
				spent = lane.limit.reached
			}
			return wait
		})
		switch {
		case !alive:
			return false
		case p.end != nil && (!errors.Is(p.end, io.EOF) || l.broken.Load()):
			l.reset()
			return false
		case p.end != nil:
			return to.CloseWrite() == nil
		}
		_, err := to.Write(p.data[:n])
		if spent != nil {
			spent()
		}
		if err != nil {
			return false
		}
		if p.data = p.data[n:]; len(p.data) == 0 {
			return true
		}
	}
}

// abandon ends the link for good after one way has failed. The side that still sends learns of it when the way back to
// it is free: not before, since a reset is a packet too.
func (l *link) abandon(d Direction) {
	l.broken.Store(true)
	free := func(lane *lane, _ time.Time) time.Duration {
		if lane.hole || lane.stalled {
			return untilChange
		}
		return 0
	}
	l.proxy.conditions.await(l.dead, d.opposite(), free)
	l.reset()
}

// reset ends both sides without a goodbye. It may be called at any time and more than once.
func (l *link) reset() {
	l.once.Do(func() { close(l.dead) })
	abort(l.client)
	if l.target != nil {
		abort(l.target)
	}
}

// abort closes conn with a reset instead of an orderly end. Closing it twice does no harm.
func abort(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}
