package simulation

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// The ports of a node on its machine.
const (
	peerPort   = 7301
	gossipPort = 7302
)

func addressOf(machine string, port int) *net.TCPAddr {
	return &net.TCPAddr{IP: net.ParseIP(machine), Port: port}
}

// plug is how one process on a machine is in the network: a [cluster.Network] and a [memberlist.Transport].
type plug struct {
	network *network
	machine string
	packets chan *memberlist.Packet
	streams *port

	mu     sync.Mutex
	pulled bool
}

// plug lets a process on a machine into the network.
func (n *network) plug(machine string) *plug {
	p := &plug{network: n, machine: machine, packets: make(chan *memberlist.Packet, 256)}
	p.streams = n.open(addressOf(machine, gossipPort), p)
	return p
}

// pull takes the process out of the network. The other machines hear of it, unless it went silently: then they find out.
func (p *plug) pull(silently bool) {
	p.mu.Lock()
	p.pulled = true
	p.mu.Unlock()
	n := p.network
	n.mu.Lock()
	defer n.mu.Unlock()
	for address, at := range n.ports {
		if at.plug == p {
			delete(n.ports, address)
			at.shut()
		}
	}
	for w := range n.cables {
		if !w.touches(p.machine) {
			continue
		}
		delete(n.cables, w)
		for _, f := range w.flows {
			switch {
			case f.to == p.machine:
				f.fail(errReset)
			case silently:
				time.AfterFunc(patience, func() { f.fail(errTimedOut) })
			default:
				time.AfterFunc(time.Millisecond, func() { f.fail(errReset) })
			}
		}
	}
}

func (p *plug) out() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pulled
}

// port is where connections come in, a [net.Listener].
type port struct {
	address *net.TCPAddr
	plug    *plug
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (n *network) open(address *net.TCPAddr, p *plug) *port {
	n.mu.Lock()
	defer n.mu.Unlock()
	opened := &port{address: address, plug: p, conns: make(chan net.Conn, 64), closed: make(chan struct{})}
	n.ports[address.String()] = opened
	return opened
}

func (p *port) Addr() net.Addr { return p.address }

func (p *port) shut() { p.once.Do(func() { close(p.closed) }) }

// Close opens the port for another process.
func (p *port) Close() error {
	n := p.plug.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ports[p.address.String()] == p {
		delete(n.ports, p.address.String())
	}
	p.shut()
	return nil
}

func (p *port) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Listen opens the port of the calls between nodes.
func (p *plug) Listen(_ context.Context, address string) (net.Listener, error) {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	return p.network.open(at, p), nil
}

// Dial connects to another machine. While there is no way there, or none back, it is tried until the context ends.
func (p *plug) Dial(ctx context.Context, address string) (net.Conn, error) {
	to, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	for _, way := range [][2]string{{p.machine, to}, {to, p.machine}} {
		if err := p.network.pass(ctx, way[0], way[1]); err != nil {
			return nil, fmt.Errorf("dial %s: %w", address, err)
		}
	}
	return p.connect(to, address)
}

// pass waits until a packet that is sent again as long as it is lost has come through.
func (n *network) pass(ctx context.Context, from, to string) error {
	for {
		n.mu.Lock()
		l := n.link(from, to)
		takes := n.send(l)
		changed, cut := l.changed, l.cuts > 0
		n.mu.Unlock()
		arrives := time.NewTimer(takes)
		arrived := arrives.C
		if cut {
			arrived = nil
		}
		select {
		case <-arrived:
			return nil
		case <-changed:
			arrives.Stop()
		case <-ctx.Done():
			arrives.Stop()
			return ctx.Err()
		}
	}
}

// connect lays a cable to the port at an address.
func (p *plug) connect(to, address string) (net.Conn, error) {
	if p.out() {
		return nil, errTimedOut
	}
	n := p.network
	n.mu.Lock()
	defer n.mu.Unlock()
	there := n.ports[address]
	if there == nil {
		return nil, fmt.Errorf("dial %s: %w", address, errRefused)
	}
	w := newCable(n, p.machine, to)
	local := addressOf(p.machine, 40000)
	select {
	case there.conns <- &end{cable: w, in: w.flows[0], out: w.flows[1], local: there.address, remote: local}:
	default:
		return nil, fmt.Errorf("dial %s: %w", address, errRefused)
	}
	n.cables[w] = true
	return &end{cable: w, in: w.flows[1], out: w.flows[0], local: local, remote: there.address}, nil
}

// What follows is the gossip's part.

// FinalAdvertiseAddr is where gossip reaches the machine.
func (p *plug) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return net.ParseIP(p.machine), gossipPort, nil
}

// WriteTo sends a packet, which may be lost, or overtaken by another.
func (p *plug) WriteTo(b []byte, address string) (time.Time, error) {
	now := time.Now()
	to, _, err := net.SplitHostPort(address)
	if err != nil || p.out() {
		return now, err
	}
	n := p.network
	n.mu.Lock()
	takes, lost := n.journey(n.link(p.machine, to))
	n.mu.Unlock()
	if lost {
		return now, nil
	}
	packet := &memberlist.Packet{Buf: append([]byte(nil), b...), From: addressOf(p.machine, gossipPort)}
	time.AfterFunc(takes, func() {
		n.mu.Lock()
		there := n.ports[address]
		n.mu.Unlock()
		if there == nil {
			return
		}
		packet.Timestamp = time.Now()
		select {
		case there.plug.packets <- packet:
		default:
		}
	})
	return now, nil
}

// PacketCh is where packets come in.
func (p *plug) PacketCh() <-chan *memberlist.Packet { return p.packets }

// DialTimeout connects to another machine's gossip.
func (p *plug) DialTimeout(address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return p.Dial(ctx, address)
}

// StreamCh is where connections come in.
func (p *plug) StreamCh() <-chan net.Conn { return p.streams.conns }

// Shutdown closes the gossip's port.
func (p *plug) Shutdown() error { return p.streams.Close() }
