package api

import (
	"cmp"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// How long a node that failed stands behind the others: hardly at all at first, then up to mostBehind. It is drawn at random,
// so that many clients don't come back to it at the same moment.
const (
	firstBehind = time.Second
	mostBehind  = time.Minute
)

// endpoint is one node that may be asked.
type endpoint struct {
	url    *url.URL
	failed int       // tries in a row
	until  time.Time // it stands behind the others
}

// at tells whether the node is the one at a URL. Neither schemes nor names of hosts know small letters from large ones.
func (n *endpoint) at(u *url.URL) bool { return strings.EqualFold(n.url.String(), u.String()) }

// endpoints are the nodes that a client knows: those that it was given, which are never forgotten, and those that it learned
// of. One of them may be known to lead. Any number of goroutines may use them.
type endpoints struct {
	mu      sync.Mutex
	given   []*endpoint
	learned []*endpoint
	leader  string // its base URL, empty where it is unknown
}

// all lists everything that is known, in the order in which it is asked where all are equal. Callers hold the lock.
func (e *endpoints) all() []*endpoint { return slices.Concat(e.given, e.learned) }

// order lists the nodes in the order in which they are to be asked, all of them: those that failed stand behind for a while,
// and are then on probation, for one caller at a time. A node may take so long to answer.
func (e *endpoints) order(leaderFirst bool, patience time.Duration) []*endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	nodes := e.all()
	behind := func(n *endpoint) time.Time {
		if n.failed > 0 && now.Before(n.until) {
			return n.until
		}
		return time.Time{}
	}
	slices.SortStableFunc(nodes, func(a, b *endpoint) int {
		if c := behind(a).Compare(behind(b)); c != 0 || !leaderFirst {
			return c
		}
		return cmp.Compare(e.rank(a), e.rank(b))
	})
	if first := nodes[0]; first.failed > 0 && !now.Before(first.until) {
		first.until = now.Add(patience) // The others need not wait for it, too, if it still says nothing.
	}
	return nodes
}

// rank puts the leader before the others.
func (e *endpoints) rank(n *endpoint) int {
	if n.url.String() == e.leader {
		return 0
	}
	return 1
}

// fail puts a node behind the others. It says whether all of them have failed since they answered last.
func (e *endpoints) fail(n *endpoint) (all bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	pause := min(firstBehind<<min(n.failed, 10), mostBehind)
	n.failed++
	n.until = time.Now().Add(pause/2 + rand.N(pause))
	if n.url.String() == e.leader {
		e.leader = "" // The next answer of another node tells who leads now.
	}
	return !slices.ContainsFunc(e.all(), func(n *endpoint) bool { return n.failed == 0 })
}

// answerOf is answer of the node at a URL.
func (e *endpoints) answerOf(u *url.URL, leader string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range e.all() {
		if n.url == u {
			e.answer(n, leader)
		}
	}
}

// answer notes that a node answered, and whom it takes for the leader. Callers hold the lock.
func (e *endpoints) answer(n *endpoint, leader string) {
	n.failed = 0
	if leader == "" || leader == e.leader {
		return
	}
	known, ok := e.learn(leader)
	if !ok {
		return
	}
	// A node that has just failed is not the leader because another one has not noticed yet.
	if known.failed == 0 || time.Now().After(known.until) {
		e.leader = known.url.String()
	}
}

// learn adds the node at an address, unless that is none that a client of these nodes may use. Callers hold the lock.
func (e *endpoints) learn(address string) (*endpoint, bool) {
	u, err := parseAddress(address)
	if err != nil || !e.sameScheme(u) {
		return nil, false
	}
	for _, n := range e.all() {
		if n.at(u) {
			return n, true
		}
	}
	n := &endpoint{url: u}
	e.learned = append(e.learned, n)
	return n, true
}

// sameScheme keeps a client that was given TLS from being talked out of it, token and all.
func (e *endpoints) sameScheme(u *url.URL) bool {
	return slices.ContainsFunc(e.given, func(n *endpoint) bool { return n.url.Scheme == u.Scheme })
}

// replace makes these addresses the ones that are known beside the given ones.
func (e *endpoints) replace(addresses []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var named []*endpoint
	for _, address := range addresses {
		if n, ok := e.learn(address); ok {
			named = append(named, n)
		}
	}
	e.learned = slices.DeleteFunc(e.learned, func(n *endpoint) bool { return !slices.Contains(named, n) })
}

// first is the node that was given first.
func (e *endpoints) first() *url.URL { return e.given[0].url }

// count is how many nodes are known.
func (e *endpoints) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.given) + len(e.learned)
}
