package testcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// A Proxy stands on an address of its own in front of a target and does to what passes what a bad network does. It
// takes TCP and UDP on one port, as gossip needs. A new proxy is a good network; a fault holds until it is set anew or
// until [Proxy.Heal]. Faults may be changed at any time and from any goroutine, and hold at once, also for what is
// under way.
//
// Connections behave as if packets were lost, not bytes: what a fault holds back arrives in order after it, as it would
// by retransmission, and a connection ends for one side only when the other side's end reaches it.
type Proxy struct {
	conditions *conditions
	tcp        *net.TCPListener
	udp        *net.UDPConn
	cancel     context.CancelFunc // of accepting and dialling
	close      func() error
	running    sync.WaitGroup

	mu     sync.Mutex
	target string
	links  map[*link]struct{}
	flows  map[netip.AddrPort]*flow
}

// Traffic is what has passed a proxy in one direction since it began.
type Traffic struct {
	Bytes     int64 // of connections
	Datagrams int64
	Lost      int64 // datagrams that faults have swallowed
}

// NewProxy listens on a free port of the loopback address, for TCP and UDP both, and forwards to target, an address with
// a port. An empty target refuses everything until [Proxy.Retarget]. Close must be called.
func NewProxy(target string) (*Proxy, error) {
	tcp, udp, err := listen()
	if err != nil {
		return nil, fmt.Errorf("listen for the proxy to %q: %w", target, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{
		conditions: newConditions(),
		tcp:        tcp,
		udp:        udp,
		cancel:     cancel,
		target:     target,
		links:      map[*link]struct{}{},
		flows:      map[netip.AddrPort]*flow{},
	}
	p.close = sync.OnceValue(p.shutDown)
	p.running.Go(func() { p.acceptConnections(ctx) })
	p.running.Go(p.acceptDatagrams)
	return p, nil
}

// listen finds a port that is free for TCP and for UDP.
func listen() (*net.TCPListener, *net.UDPConn, error) {
	const tries = 20
	for try := 1; ; try++ {
		tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, nil, err
		}
		addr := tcp.Addr().(*net.TCPAddr)
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: addr.IP, Port: addr.Port})
		if err == nil {
			return tcp, udp, nil
		}
		closed := tcp.Close()
		if try == tries || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, nil, errors.Join(err, closed)
		}
	}
}

// Addr is the address to dial instead of the target's, the same for TCP and UDP.
func (p *Proxy) Addr() string { return p.tcp.Addr().String() }

// Retarget sends what comes from now on to another address, for a target that has come back elsewhere. Connections that
// exist stay with the old one.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	p.target = target
	flows := p.flows
	p.flows = map[netip.AddrPort]*flow{}
	p.mu.Unlock()
	for _, f := range flows {
		f.close()
	}
}

// Close stops listening, resets what is open, and returns when nothing of the proxy runs any more. It may be called
// more than once.
func (p *Proxy) Close() error { return p.close() }

func (p *Proxy) shutDown() error {
	p.cancel()
	err := errors.Join(p.tcp.Close(), p.udp.Close())
	p.resetLinks()
	p.Retarget("")
	p.running.Wait()
	return err
}

// Traffic tells what has passed in one direction.
func (p *Proxy) Traffic(d Direction) (t Traffic) {
	p.conditions.read(d, func(l *lane) { t = l.traffic })
	return t
}

// Heal makes the network good again, at once and in both directions. What waited goes on.
func (p *Proxy) Heal() {
	p.conditions.change(Both, func(l *lane) { l.faults = faults{} })
}

// resetLinks ends all connections as a machine does that knows nothing of them.
func (p *Proxy) resetLinks() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.reset()
	}
}

// dialTimeout bounds how long a connection waits for a target that takes none.
const dialTimeout = 5 * time.Second
