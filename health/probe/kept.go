package probe

import (
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// keepUpTo is the longest interval over which a connection is kept. Most servers and routers give it up soon after.
	keepUpTo = 30 * time.Second

	// A connection is for between leastUses and mostUses questions, by lot, so that those of a crowd which was registered
	// together are not due together. A process that answers on old connections but accepts no new ones is found out by the
	// question after that; having no connection any more, all that follow find it out too.
	leastUses, mostUses = 10, 20

	// sweepEvery is how often those are closed that nobody has come back for.
	sweepEvery = 10 * time.Second
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

// connection is one on which a question is put again and again.
type connection struct {
	net.Conn
	request  *request
	left     int  // how many questions it is for yet
	answered bool // a question was put on it before
	until    time.Time
}

// newConnection is one on which nothing was asked yet.
func newConnection(dialled net.Conn, asked *request) *connection {
	return &connection{Conn: dialled, request: asked, left: leastUses + rand.IntN(mostUses-leastUses+1)}
}

// kept are the connections that wait for the next question of their check. One that waits for longer than two intervals is
// closed by the next sweep: nobody asks any more. The zero value has room for none.
type kept struct {
	room int

	mu     sync.Mutex
	closed bool
	idle   map[place]*connection
	sweeps *time.Timer // running while there are some
}

// place is what a connection belongs to: the check, and where it goes.
type place struct {
	service, id, check, address string
	port                        int
	tls, skipVerify             bool
}

func placeOf(t *Target) place {
	return place{t.Service, t.ID, t.Check.Name, t.Address, t.port(), t.Check.TLS, t.Check.TLSSkipVerify}
}

// take returns the connection of a check, nil where there is none or a new one is due. It is the caller's then.
func (k *kept) take(t *Target) *connection {
	if !reusable(t) {
		return nil
	}
	at := placeOf(t)
	k.mu.Lock()
	defer k.mu.Unlock()
	conn := k.idle[at]
	delete(k.idle, at)
	return conn
}

// put keeps a connection for the check's next question, or closes it where it is worn out or there is no room.
func (k *kept) put(t *Target, conn *connection) {
	conn.answered = true
	if conn.left--; conn.left <= 0 || !k.store(placeOf(t), conn, 2*time.Duration(t.Check.Interval)) {
		_ = conn.Close()
	}
}

func (k *kept) store(at place, conn *connection, span time.Duration) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.idle[at] != nil || len(k.idle) >= k.room {
		return false
	}
	if k.idle == nil {
		k.idle = map[place]*connection{}
	}
	if k.sweeps == nil {
		k.sweeps = time.AfterFunc(sweepEvery, k.sweep)
	}
	conn.until = time.Now().Add(span)
	k.idle[at] = conn
	return true
}

// sweep closes the connections that have waited for too long.
func (k *kept) sweep() {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for at, conn := range k.idle {
		if now.After(conn.until) {
			_ = conn.Close()
			delete(k.idle, at)
		}
	}
	if k.sweeps = nil; len(k.idle) > 0 {
		k.sweeps = time.AfterFunc(sweepEvery, k.sweep)
	}
}

// close closes all, and has none kept from now on.
func (k *kept) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.sweeps != nil {
		k.sweeps.Stop()
	}
	for _, conn := range k.idle {
		_ = conn.Close()
	}
	clear(k.idle)
}
