package mesh

import (
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/musterhq/muster/registry"
)

// endpoint is where a pool's connections lead.
type endpoint struct {
	service, address string
	port             int
}

func endpointOf(i *registry.Instance) endpoint { return endpoint{i.Service, i.Address, i.Port} }

// hostPort is the endpoint as it is dialed.
func (e endpoint) hostPort() string { return net.JoinHostPort(e.address, strconv.Itoa(e.port)) }

// pool has the connections to one instance: a transport of its own, which believes that it talks to the service, so that
// the Host header, the server name of TLS and the URL stay logical, and which dials the instance whatever it is told.
type pool struct {
	address   string // host:port
	transport *http.Transport
	open      openConns

	mu         sync.Mutex
	users      int           // tries that have not ended, their bodies included
	unanswered int           // of those, the ones without the headers of a response
	gone       bool          // the instance is no longer in the set: no further try comes
	quiet      chan struct{} // closed when the last try of an instance that is gone is answered; nil where nobody waits
}

// enter counts a try.
func (p *pool) enter() *pool {
	p.mu.Lock()
	p.users++
	p.unanswered++
	p.mu.Unlock()
	return p
}

// answered counts that a try has an answer, or failed.
func (p *pool) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unanswered--; p.unanswered == 0 && p.quiet != nil {
		close(p.quiet)
	}
}

// release ends a try. The last one at an instance that is gone takes the connections along.
func (p *pool) release() {
	p.mu.Lock()
	p.users--
	last := p.users == 0 && p.gone
	p.mu.Unlock()
	if last {
		p.close()
	}
}

// retire closes the connections as soon as nobody uses them, and leaves those in peace that are in use. It returns a
// channel that is closed when all tries are answered, nil if they are.
func (p *pool) retire() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	if p.unanswered > 0 {
		p.quiet = make(chan struct{})
	}
	if p.users > 0 {
		p.transport.CloseIdleConnections()
	} else {
		p.close()
	}
	return p.quiet
}

// close closes the connections, which nobody uses: first those that know how to take leave.
func (p *pool) close() {
	p.transport.CloseIdleConnections()
	p.open.close()
}

// pools are the connections of a transport, by instance. A pool is made with the first try at its instance. It is safe
// for concurrent use.
type pools struct {
	base *http.Transport // never used itself

	mu   sync.RWMutex
	of   map[endpoint]*pool
	sets map[string]map[endpoint]bool // by service: where there are instances, as far as that is watched
}

func newPools(base *http.Transport) *pools {
	return &pools{base: base, of: map[endpoint]*pool{}, sets: map[string]map[endpoint]bool{}}
}

// use returns the pool of an instance, for a try that ends with its release; or nil if the instance has gone since it was
// chosen.
func (p *pools) use(e endpoint) *pool {
	if c := p.existing(e); c != nil {
		return c
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if set, known := p.sets[e.service]; known && !set[e] {
		return nil
	}
	c := p.of[e]
	if c == nil {
		c = &pool{address: e.hostPort()}
		c.transport = towards(p.base, c.address, &c.open)
		p.of[e] = c
	}
	return c.enter()
}

func (p *pools) existing(e endpoint) *pool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if c := p.of[e]; c != nil {
		return c.enter()
	}
	return nil
}

// keep retires the pools of a service that lead to none of these instances, and returns what tells that their tries are
// answered.
func (p *pools) keep(service string, instances []registry.Instance) (quiet []<-chan struct{}) {
	return p.keepSet(service, setOf(instances, func(*registry.Instance) bool { return true }))
}

func (p *pools) keepSet(service string, set map[endpoint]bool) (quiet []<-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for e, c := range p.of {
		if e.service == service && !set[e] {
			delete(p.of, e)
			if q := c.retire(); q != nil {
				quiet = append(quiet, q)
			}
		}
	}
	return quiet
}

// follow is keep for a service that is watched, whose instances may be of every status: from here on, use knows who is gone.
func (p *pools) follow(service string, instances []registry.Instance) (quiet []<-chan struct{}) {
	set := setOf(instances, (*registry.Instance).Discoverable)
	p.mu.Lock()
	p.sets[service] = set
	p.mu.Unlock()
	return p.keepSet(service, set)
}

// forget is for a service that is watched no longer.
func (p *pools) forget(service string) {
	p.mu.Lock()
	delete(p.sets, service)
	p.mu.Unlock()
	p.keep(service, nil)
}

// setOf is where the instances are for which is holds.
func setOf(instances []registry.Instance, is func(*registry.Instance) bool) map[endpoint]bool {
	set := make(map[endpoint]bool, len(instances))
	for n := range instances {
		if i := &instances[n]; is(i) {
			set[endpointOf(i)] = true
		}
	}
	return set
}

// closeIdle closes the connections that nobody uses; the pools remain.
func (p *pools) closeIdle() {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, c := range p.of {
		c.transport.CloseIdleConnections()
	}
}

// close retires all pools.
func (p *pools) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.of {
		c.retire()
	}
	clear(p.of)
}
