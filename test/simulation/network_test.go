package simulation

import (
	"math/rand/v2"
	"sync"
	"time"
)

// patience is for how long a connection lives between two machines that can't reach each other: what TCP_USER_TIMEOUT and
// keep-alives make of it.
const patience = 11 * time.Second

// weather is how a link is.
type weather struct {
	delay, jitter time.Duration // of each packet, one way
	loss          float64       // the share of the packets that are lost
}

// fair is a network in which nothing is wrong.
var fair = weather{delay: 200 * time.Microsecond, jitter: 300 * time.Microsecond}

// network connects machines, each of which has a name that stands for its address. Each direction between two of them is a
// link of its own.
type network struct {
	mu     sync.Mutex
	dice   *rand.Rand
	links  map[[2]string]*link
	ports  map[string]*port // that are open, by address
	cables map[*cable]bool  // that are in use
}

func newNetwork(seed uint64) *network {
	return &network{
		dice:  rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // it is to be repeated
		links: map[[2]string]*link{}, ports: map[string]*port{}, cables: map[*cable]bool{},
	}
}

// link is one direction between two machines. It is guarded by the network's lock.
type link struct {
	weather weather
	cuts    int           // by so many is it cut
	changed chan struct{} // closed when it is cut no more
	healed  time.Time     // when it was cut last, no more
	resumes time.Time     // when what was sent before is sent again
}

// link is the link between two machines. The lock is held.
func (n *network) link(from, to string) *link {
	name := [2]string{from, to}
	l := n.links[name]
	if l == nil {
		l = &link{weather: fair, changed: make(chan struct{})}
		n.links[name] = l
	}
	return l
}

// cut loses all that goes from one machine to another, until heal is called. What was on its way is lost with it, and sent
// again later. Where it lasts, the connections break.
func (n *network) cut(from, to string) (heal func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, began := n.link(from, to), time.Now()
	l.cuts++
	breaking := time.AfterFunc(patience, func() { n.sever(from, to) })
	return func() {
		breaking.Stop()
		n.mu.Lock()
		defer n.mu.Unlock()
		if l.cuts--; l.cuts > 0 {
			return
		}
		// Who got no acknowledgement sends again, after pauses that double.
		l.healed = time.Now()
		l.resumes = l.healed.Add(time.Duration(n.dice.Int64N(1 + int64(min(l.healed.Sub(began), 3*time.Second)))))
		close(l.changed)
		l.changed = make(chan struct{})
	}
}

// sever breaks all connections between two machines.
func (n *network) sever(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for w := range n.cables {
		if w.joins(a, b) {
			w.broken(errTimedOut)
			delete(n.cables, w)
		}
	}
}

// become changes how a link is.
func (n *network) become(from, to string, w weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link(from, to).weather = w
}

// journey is how long a packet is on its way, and whether it is lost. The lock is held.
func (n *network) journey(l *link) (takes time.Duration, lost bool) {
	takes = l.weather.delay
	if l.weather.jitter > 0 {
		takes += time.Duration(n.dice.Int64N(int64(l.weather.jitter)))
	}
	return takes, l.cuts > 0 || l.weather.loss > 0 && n.dice.Float64() < l.weather.loss
}

// send is how long a message is on its way that is sent again as long as it is lost.
func (n *network) send(l *link) time.Duration {
	takes, lost := n.journey(l)
	for again := 200 * time.Millisecond; lost && l.cuts == 0 && again < patience; again *= 2 {
		var next time.Duration
		next, lost = n.journey(l)
		takes += again + next
	}
	return takes
}
