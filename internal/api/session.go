package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

const (
	// sessionWait is how long a node may wait until it has what the session has seen. It is less than a node has to answer,
	// so that a node that lags says so, and another one is asked.
	sessionWait = time.Second

	// strangeFor is how long nodes must have answered for another cluster, and none for the session's own, before the
	// session begins anew with that one.
	strangeFor = 3 * time.Second
)

// ErrOtherCluster says that a node belongs to another cluster than the one that the client has been talking to.
var ErrOtherCluster = errors.New("another cluster")

// otherCluster is the answer of such a node. It is that of no state that could be compared with what the session has seen.
type otherCluster struct{ node, theirs, ours string }

func (o *otherCluster) Error() string {
	return fmt.Sprintf("%v: %s belongs to %s, and this client was talking to %s", ErrOtherCluster, o.node, o.theirs, o.ours)
}

func (o *otherCluster) Is(target error) bool { return target == ErrOtherCluster }

// session is what a client has seen of one cluster: no later read of it shows less, on whichever node. The zero session keeps
// nothing.
type session struct {
	on bool

	mu      sync.Mutex
	cluster string
	index   uint64 // the highest that was seen
	written uint64 // the highest of a write of this client's own

	stranger string    // the other cluster whose nodes answer, since
	since    time.Time // this moment; zero where nodes of the session's own do
}

// Session tells which cluster the client talks to, empty before it has heard of one, and the highest index of its own writes
// to that.
func (c *Client) Session() (cluster string, written uint64) {
	s := &c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster, s.written
}

// Seen tells which cluster the client talks to, empty before it has heard of one, and the highest index that it has seen of that.
func (c *Client) Seen() (cluster string, index uint64) {
	d := c.session.now()
	return d.cluster, d.index
}

// Saw tells the session what was seen by other means, such as a watch or a file.
func (c *Client) Saw(cluster string, index uint64) {
	c.session.saw(request{method: http.MethodGet}, demand{}, cluster, index)
}

// Forget begins the session anew within its cluster, at an index that a node has vouched for: the history that was seen is gone.
func (c *Client) Forget(index uint64) {
	s := &c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index, s.written = index, 0
}

// demand is what a read asks of a node for the sake of the session.
type demand struct {
	cluster string
	index   uint64
}

// now is what a read asks of a node at this moment.
func (s *session) now() demand {
	s.mu.Lock()
	defer s.mu.Unlock()
	return demand{s.cluster, s.index}
}

// constrain has a read that comes out of a node's memory show no less than was seen. A linearizable one does so by itself, and
// may find out that what was seen is gone.
func (s *session) constrain(r *http.Request, call request) demand {
	if !s.on || !call.inSession {
		return demand{}
	}
	d := s.now()
	q := r.URL.Query()
	if d.index == 0 || q.Get(wire.ParamConsistency) == wire.Linearizable {
		return d
	}
	q.Set(wire.ParamMinIndex, strconv.FormatUint(d.index, 10))
	q.Set(wire.ParamCluster, d.cluster)
	q.Set(wire.ParamWait, sessionWait.String())
	r.URL.RawQuery = q.Encode()
	return d
}

// saw notes the index of an answer to what was demanded.
func (s *session) saw(call request, d demand, cluster string, index uint64) {
	if !s.on || cluster == "" || index == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cluster == "" {
		s.cluster = cluster
	}
	if s.cluster != cluster {
		return
	}
	s.since = time.Time{}
	switch {
	case call.key != "":
		s.written = max(s.written, index)
	case call.query.Get(wire.ParamConsistency) == wire.Linearizable && index < d.index:
		s.index, s.written = index, 0 // A majority vouches for it: what was seen beyond is gone.
		return
	}
	s.index = max(s.index, index)
}

// foreign tells whether an answer is that of another cluster.
func (s *session) foreign(cluster string) (ours string, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster, s.on && cluster != "" && s.cluster != "" && s.cluster != cluster
}

// estranged notes that a node answered for another cluster, when all other nodes failed or did so too, and begins the session
// anew once that has lasted: a cluster that was born again must not lock its clients out.
func (s *session) estranged(cluster string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.since.IsZero() || s.stranger != cluster:
		s.stranger, s.since = cluster, time.Now()
	case time.Since(s.since) >= strangeFor:
		s.cluster, s.index, s.written, s.since = cluster, 0, 0, time.Time{}
	}
}
