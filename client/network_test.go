package client

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
)

// pipes listens for connections in memory.
type pipes struct {
	address string
	accept  chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

var lastPort atomic.Int32

func newPipes() *pipes {
	return &pipes{address: fmt.Sprintf("10.9.0.1:%d", 1000+lastPort.Add(1)%60000), accept: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddress(p.address) }

type pipeAddress string

func (pipeAddress) Network() string  { return "pipe" }
func (a pipeAddress) String() string { return string(a) }

// networkOf reaches these nodes and no others.
func networkOf(nodes ...*node) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		for _, n := range nodes {
			if n.listener.address != address {
				continue
			}
			ours, theirs := net.Pipe()
			select {
			case n.listener.accept <- theirs:
				return ours, nil
			case <-n.listener.closed:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return nil, syscall.ECONNREFUSED
	}}
}
