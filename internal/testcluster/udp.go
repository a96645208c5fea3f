package testcluster

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A flow is what one client's datagrams, and the answers to them, go through: a socket of their own, so that the
// target can tell the clients apart and answer each.
type flow struct {
	client netip.AddrPort
	target *net.UDPConn
	once   sync.Once
	dead   chan struct{}
}

// heldDatagrams is how many datagrams may be under way in a proxy at once. More are lost, as in a router.
const heldDatagrams = 4096

// maxDatagram is the longest that UDP over IPv4 can carry.
const maxDatagram = 64 << 10

// acceptDatagrams forwards what clients send until the proxy is closed.
func (p *Proxy) acceptDatagrams() {
	held := make(chan struct{}, heldDatagrams)
	buf := make([]byte, maxDatagram)
	for {
		n, client, err := p.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // what an earlier datagram came back with
		}
		f := p.flow(client, held)
		if f == nil {
			continue
		}
		p.forward(ToTarget, f, held, buf[:n], func(data []byte) { _, _ = f.target.Write(data) })
	}
}

// flow is that of a client, which begins with its first datagram. It is nil where there is no target.
func (p *Proxy) flow(client netip.AddrPort, held chan struct{}) *flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.flows[client]; f != nil {
		return f
	}
	addr, err := net.ResolveUDPAddr("udp", p.target)
	if p.target == "" || err != nil {
		return nil
	}
	target, err := net.DialUDP("udp", nil, addr)
	if err != nil {
		return nil
	}
	f := &flow{client: client, target: target, dead: make(chan struct{})}
	p.flows[client] = f
	p.running.Go(func() { p.answers(f, held) })
	return f
}

// answers forwards what the target sends to the flow's client until the flow is closed.
func (p *Proxy) answers(f *flow, held chan struct{}) {
	buf := make([]byte, maxDatagram)
	for {
		n, err := f.target.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // nobody listened there; somebody may later
		}
		p.forward(FromTarget, f, held, buf[:n], func(data []byte) { _, _ = p.udp.WriteToUDPAddrPort(data, f.client) })
	}
}

// forward sends a datagram on as often as the faults have it, each copy in its own time. The data is the caller's again
// when it returns.
func (p *Proxy) forward(d Direction, f *flow, held chan struct{}, data []byte, send func([]byte)) {
	var pieces []piece
	p.conditions.read(d, func(l *lane) {
		for range l.copies() {
			pieces = append(pieces, l.piece(data, time.Now()))
		}
	})
	for _, one := range pieces {
		var lost bool
		var wait time.Duration
		p.conditions.read(d, func(l *lane) { lost, wait = l.admitDatagram(one, time.Now()) })
		switch {
		case lost:
		case wait == 0:
			send(one.data)
		default:
			p.hold(d, f, held, one, send)
		}
	}
}

// hold sends a datagram that can't go at once when it can, unless too many wait already.
func (p *Proxy) hold(d Direction, f *flow, held chan struct{}, one piece, send func([]byte)) {
	select {
	case held <- struct{}{}:
	default:
		p.conditions.read(d, func(l *lane) { l.traffic.Lost++ })
		return
	}
	one.data = append([]byte(nil), one.data...)
	p.running.Go(func() {
		defer func() { <-held }()
		var lost bool
		alive := p.conditions.await(f.dead, d, func(l *lane, now time.Time) (wait time.Duration) {
			lost, wait = l.admitDatagram(one, now)
			return wait
		})
		if alive && !lost {
			send(one.data)
		}
	})
}

// close ends the flow and what it holds.
func (f *flow) close() {
	f.once.Do(func() {
		close(f.dead)
		_ = f.target.Close()
	})
}
