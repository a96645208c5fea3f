package mesh

import (
	"net"
	"sync"
)

// openConns are the connections of a pool. net/http closes those that are idle when it is told to, and over HTTP/2 one that
// has a stream to clean up is not idle yet, nor is one that is still being dialed: after the last call of an instance that is
// gone, nobody would close them.
type openConns struct {
	mu   sync.Mutex
	all  map[*meteredConn]struct{}
	shut bool
}

// add takes in a new connection, unless none is wanted any more.
func (o *openConns) add(c net.Conn) (net.Conn, error) {
	m := &meteredConn{Conn: c, home: o}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut {
		_ = c.Close() // nothing was written
		return nil, net.ErrClosed
	}
	if o.all == nil {
		o.all = map[*meteredConn]struct{}{}
	}
	o.all[m] = struct{}{}
	return m, nil
}

func (o *openConns) remove(c *meteredConn) {
	o.mu.Lock()
	delete(o.all, c)
	o.mu.Unlock()
}

// close closes them all, and each that is opened later.
func (o *openConns) close() {
	o.mu.Lock()
	o.shut = true
	all := o.all
	o.all = nil
	o.mu.Unlock()
	for c := range all {
		_ = c.Close() // nobody uses it
	}
}
