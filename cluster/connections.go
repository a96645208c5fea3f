package cluster

import (
	"context"
	"net"
	"sync"
)

// connections is a [Network] that remembers what is open, so that a member that stops leaves nothing behind: no
// connection that the other side keeps, no attempt to reach a machine that does not answer, and nobody who waits on one.
type connections struct {
	network Network

	mu     sync.Mutex
	open   map[*func()]struct{} // how to end each thing that is open
	closed bool
}

func newConnections(network Network) *connections {
	return &connections{network: network, open: map[*func()]struct{}{}}
}

// Listen opens a port whose connections are remembered. The listener is its caller's to close.
func (c *connections) Listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := c.network.Listen(ctx, address)
	if err != nil {
		return nil, err
	}
	return rememberedListener{Listener: listener, connections: c}, nil
}

// Dial connects to another node's port.
func (c *connections) Dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	forget, err := c.remember(cancel)
	if err != nil {
		return nil, err
	}
	defer forget()
	conn, err := c.network.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	return c.keep(conn)
}

// keep remembers a connection until it is closed.
func (c *connections) keep(conn net.Conn) (net.Conn, error) {
	forget, err := c.remember(func() { _ = conn.Close() })
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &rememberedConn{Conn: conn, forget: forget}, nil
}

func (c *connections) remember(end func()) (forget func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, net.ErrClosed
	}
	c.open[&end] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, &end)
	}, nil
}

// close ends all that is open; nothing can be opened afterwards.
func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for end := range c.open {
		(*end)()
	}
	clear(c.open)
}

type rememberedListener struct {
	net.Listener
	connections *connections
}

func (l rememberedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.connections.keep(conn)
}

type rememberedConn struct {
	net.Conn
	forget func()
}

func (c *rememberedConn) Close() error {
	c.forget()
	return c.Conn.Close()
}
