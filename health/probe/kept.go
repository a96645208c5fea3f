package probe

import (
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// keepUpTo is the longest interval over which a connection is kept. Most servers and routers give it up soon after.
	keepUpTo = 30 * time.Second

	// freshAfter is how many questions a connection is for. A process that answers on old connections but accepts no new
	// ones is found out by the question after that; having no connection any more, all that follow find it out too.
	freshAfter = 6
)

// reusable tells whether the check's connection is worth keeping, and whether its question may be put twice, should it turn
// out to be broken.
func reusable(t *Target) bool {
	if time.Duration(t.Check.Interval) > keepUpTo {
		return false
	}
	switch t.Check.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	default:
		return false
	}
}

// connection is one on which questions were put.
type connection struct {
	net.Conn
	uses int
}

// kept are the connections that wait for the next question of their check. One that waits for longer than two intervals is
// closed: nobody asks any more. The zero value has room for none.
type kept struct {
	room int

	mu     sync.Mutex
	closed bool
	idle   map[place]*idle
}

// place is what a connection belongs to: the check, and where it goes.
type place struct {
	service, id, check, address string
	port                        int
	tls, skipVerify             bool
}

type idle struct {
	conn  *connection
	timer *time.Timer
}

func placeOf(t *Target) place {
	return place{t.Service, t.ID, t.Check.Name, t.Address, t.port(), t.Check.TLS, t.Check.TLSSkipVerify}
}

// take returns the connection of a check, nil where there is none or a new one is due. It is the caller's then.
func (k *kept) take(t *Target) *connection {
	if !reusable(t) {
		return nil
	}
	conn := k.remove(placeOf(t), nil)
	if conn != nil && conn.uses >= freshAfter {
		_ = conn.Close()
		return nil
	}
	return conn
}

// remove takes the connection of a place, which must be only if that is given.
func (k *kept) remove(at place, only *idle) *connection {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := k.idle[at]
	if found == nil || only != nil && found != only {
		return nil
	}
	found.timer.Stop()
	delete(k.idle, at)
	return found.conn
}

// put keeps a connection for the check's next question, or closes it where there is no room.
func (k *kept) put(t *Target, conn *connection) {
	conn.uses++
	at := placeOf(t)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.idle[at] != nil || len(k.idle) >= k.room {
		_ = conn.Close()
		return
	}
	if k.idle == nil {
		k.idle = map[place]*idle{}
	}
	waiting := &idle{conn: conn}
	waiting.timer = time.AfterFunc(2*time.Duration(t.Check.Interval), func() {
		if conn := k.remove(at, waiting); conn != nil {
			_ = conn.Close()
		}
	})
	k.idle[at] = waiting
}

// close closes all, and has none kept from now on.
func (k *kept) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	for _, waiting := range k.idle {
		waiting.timer.Stop()
		_ = waiting.conn.Close()
	}
	clear(k.idle)
}
