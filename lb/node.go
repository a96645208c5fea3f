package lb

import (
	"cmp"
	"math"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/registry"
)

// node is what is known of one instance. It lives through changes of the set for as long as the instance is the same, and
// no longer than that: one that was started anew has to make its own name.
//
// The first 64 bytes are all that a choice looks at, and change with every call. They are a cache line of their own, since
// the size is a multiple of one: so processors do not wait for each other over calls to different instances, and a choice
// among very many fetches one line for each that it compares.
type node struct {
	flights    flights
	share      atomic.Uint64 // bits of a float64: what it is to get, beside others
	mean       atomic.Uint64 // a mean
	heard      atomic.Int64  // when the mean was changed last
	silent     atomic.Int64  // since when nobody was answered, while there are calls to be answered
	reported   atomic.Uint64 // a report
	reportedAt atomic.Int64  // 0: never
	instance   atomic.Pointer[registry.Instance]

	id      string
	breaker *breaker.Breaker // nil: none
	row     atomic.Int32     // failures since the last success
	suspect atomic.Bool      // of failing too often in a row
	calls   atomic.Int64     // in this interval, for the success rate
	failed  atomic.Int64     // of these

	// Guarded by the service's mutex.
	healthy           bool          // in the registry
	warm              time.Duration // when its slow start is over
	began             time.Duration // when it began
	ejected           bool
	ejectedUntil      time.Duration
	ejections         int  // how much longer the next one lasts
	ejectedInInterval bool // for some of it

	_ [24]byte // up to three cache lines
}

// newNode makes one of which nothing is known, with a circuit breaker where there are to be any.
func (s *Service) newNode(id string) *node {
	n := &node{id: id}
	n.mean.Store(mean{success: 1}.pack())
	if s.settings.breaker == nil {
		return n
	}
	c := *s.settings.breaker
	c.Name = s.name + "/" + id
	hook := c.OnStateChange
	c.OnStateChange = func(e breaker.Event) {
		if hook != nil {
			hook(e)
		}
		s.breakerMoved(n, e)
	}
	n.breaker, _ = breaker.NewWith(c) // the settings were validated
	return n
}

// idOf names an instance within its service. A source of one's own need not give ids.
func idOf(i *registry.Instance) string {
	if i.ID != "" {
		return i.ID
	}
	return net.JoinHostPort(i.Address, strconv.Itoa(i.Port))
}

// sameInstance tells whether what is known of one holds for the other: it was not started anew meanwhile, nor moved.
func sameInstance(a, b *registry.Instance) bool {
	return a.Incarnation == b.Incarnation && a.Address == b.Address && a.Port == b.Port
}

func weightOf(i *registry.Instance) float64 {
	return float64(cmp.Or(max(0, i.Weight), registry.DefaultWeight))
}

// shareNow is what the instance is to get, beside others.
func (n *node) shareNow() float64 { return math.Float64frombits(n.share.Load()) }

// mean is what calls to an instance were like lately. It is kept in one word so that its parts belong together.
type mean struct {
	latency float32 // seconds; 0: nothing is known yet
	success float32 // share of calls
}

func (m mean) pack() uint64 {
	return uint64(math.Float32bits(m.latency))<<32 | uint64(math.Float32bits(m.success))
}

func unpack(word uint64) mean {
	return mean{latency: math.Float32frombits(uint32(word >> 32)), success: math.Float32frombits(uint32(word))}
}
