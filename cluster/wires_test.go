package cluster

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
)

// wires is the network of the nodes of a test, on loopback. Any two nodes can be parted: their connections end, and to
// dial is to wait until they are joined again, as if the packets were lost. Gossip does not use it.
type wires struct {
	mu     sync.Mutex
	owners map[string]string // who listens at an address
	parted map[[2]string]bool
	healed chan struct{} // closed when nobody is parted any more
	joints map[net.Conn][2]string
}

func newWires() *wires {
	return &wires{
		owners: map[string]string{}, parted: map[[2]string]bool{}, healed: make(chan struct{}),
		joints: map[net.Conn][2]string{},
	}
}

func (w *wires) part(a, b string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parted[[2]string{a, b}], w.parted[[2]string{b, a}] = true, true
	for conn, ends := range w.joints {
		if w.parted[ends] {
			_ = conn.Close()
			delete(w.joints, conn)
		}
	}
}

func (w *wires) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.parted)
	close(w.healed)
	w.healed = make(chan struct{})
}

// of is the network as the named node has it.
func (w *wires) of(name string) Network { return end{wires: w, name: name} }

type end struct {
	wires *wires
	name  string
}

func (e end) Listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := TCP{}.Listen(ctx, address)
	if err == nil {
		e.wires.mu.Lock()
		defer e.wires.mu.Unlock()
		e.wires.owners[listener.Addr().String()] = e.name
	}
	return listener, err
}

func (e end) Dial(ctx context.Context, address string) (net.Conn, error) {
	for {
		conn, err := TCP{}.Dial(ctx, address)
		if err != nil {
			return nil, err
		}
		healed, parted := e.solder(conn, address)
		if !parted {
			return conn, nil
		}
		_ = conn.Close()
		select {
		case <-healed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// solder remembers a connection, unless its ends are parted.
func (e end) solder(conn net.Conn, address string) (healed <-chan struct{}, parted bool) {
	e.wires.mu.Lock()
	defer e.wires.mu.Unlock()
	ends := [2]string{e.name, e.wires.owners[address]}
	if e.wires.parted[ends] {
		return e.wires.healed, true
	}
	e.wires.joints[conn] = ends
	return nil, false
}

// pipes is a [Network] without sockets, for tests that run outside real time.
type pipes struct {
	mu        sync.Mutex
	listeners map[string]*connQueue
}

func newPipes() *pipes { return &pipes{listeners: map[string]*connQueue{}} }

type pipeAddress string

func (pipeAddress) Network() string  { return "pipe" }
func (a pipeAddress) String() string { return string(a) }

func (p *pipes) Listen(_ context.Context, address string) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listeners[address] = newConnQueue(pipeAddress(address))
	return p.listeners[address], nil
}

func (p *pipes) Dial(_ context.Context, address string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	listener, ok := p.listeners[address]
	if !ok {
		return nil, errors.New("nobody listens at " + address)
	}
	here, there := net.Pipe()
	go listener.put(there)
	return here, nil
}

// dial connects a test to an address.
func dial(t *testing.T, network Network, address string) net.Conn {
	t.Helper()
	conn, err := network.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
