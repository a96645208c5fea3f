package health

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
)

// usual is how many interleavings a usual run looks at; MUSTER_LEASES says another number.
const usual = 2000

// TestNoAcknowledgedHeartbeatIsFollowedByAnEarlyExpiry lets clients register, send heartbeats, which come late and twice, and
// deregister; nodes decide, propose late, give up waiting, lose their leadership without noticing, are paused, die, hand
// over, and have the state put back. Whatever the order: what was promised to a client holds, the leader's own trouble
// counts for no lease, nobody is reaped before its time, and in the end those that have stopped are expired.
func TestNoAcknowledgedHeartbeatIsFollowedByAnEarlyExpiry(t *testing.T) {
	seed := dice.Number(t, "MUSTER_SEED", uint64(time.Now().UnixNano()))
	t.Logf("MUSTER_SEED=%d", seed)
	n := dice.Number(t, "MUSTER_LEASES", usual)
	if number, wrong := search(seed, 0, n, ""); wrong != "" {
		tell(t, seed, number, "")
		t.Fatalf("interleaving %d: %s", number, wrong)
	}
	t.Logf("%d interleavings", n)
}

// TestEveryFenceIsNeeded takes the fences down one by one, and the same interleavings must show it.
func TestEveryFenceIsNeeded(t *testing.T) {
	seed := dice.Number(t, "MUSTER_SEED", 1)  // with another one it may take longer
	for down, from := range map[fence]uint64{ // to begin with, since the usual seed shows some of them late
		leaseIndex: 0, termOfWrite: 0, whilePends: 0, unknownOnes: 0, fullGrant: 0, gapOfPause: 0, graceOfVia: 0,
		freshRound: 1550, sameTerm: 6550, predecessor: 1900,
	} {
		t.Run(string(down), func(t *testing.T) {
			number, wrong := search(seed, from, from+300_000, down)
			if wrong == "" {
				t.Fatal("nobody misses it")
			}
			t.Logf("missed in interleaving %d: %s", number, wrong)
			sound := newWorld(rand.New(rand.NewPCG(seed, number)), "")
			if sound.run(); sound.wrong != "" {
				t.Fatalf("interleaving %d goes wrong with the fence too: %s", number, sound.wrong)
			}
		})
	}
}

// search looks at interleavings from one on, up to the nth, until something is wrong.
func search(seed, from, n uint64, down fence) (number uint64, wrong string) {
	var next atomic.Uint64
	next.Store(from)
	var found atomic.Bool
	var mu sync.Mutex
	var searchers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		searchers.Go(func() {
			for i := next.Add(1); i <= n && !found.Load(); i = next.Add(1) {
				w := newWorld(rand.New(rand.NewPCG(seed, i)), down)
				if w.run(); w.wrong != "" {
					mu.Lock()
					found.Store(true)
					if wrong == "" || i < number {
						number, wrong = i, w.wrong
					}
					mu.Unlock()
				}
			}
		})
	}
	searchers.Wait()
	return number, wrong
}

// tell runs one interleaving again, and says what happens in it.
func tell(t *testing.T, seed, number uint64, down fence) {
	w := newWorld(rand.New(rand.NewPCG(seed, number)), down)
	w.trace = func(format string, args ...any) { t.Logf("%8s  %s", w.now, fmt.Sprintf(format, args...)) }
	w.run()
}

// run has things happen, each kind more often in some interleavings than in others.
func (w *world) run() {
	var bag []func(*world)
	for _, event := range events {
		for range event.often * []int{0, 1, 1, 3}[w.IntN(4)] {
			bag = append(bag, event.happen)
		}
	}
	bag = append(bag, (*world).wait)
	w.elect()
	w.lead()
	for range w.clients {
		w.register()
	}
	for range 20 + w.IntN(100) {
		bag[w.IntN(len(bag))](w)
		if w.wrong != "" {
			return
		}
	}
	w.calm()
}

// calm ends all trouble, and everybody has stopped by then: they must be expired when their lease, a grace, and what a
// leader needs are over.
func (w *world) calm() {
	for _, m := range w.nodes {
		if m.paused {
			m.paused = false
			m.awake += min(w.now-m.since, longestStep)
		}
	}
	w.mail, w.told = nil, nil
	for w.leader == nil {
		w.elect()
	}
	longest := w.clients[len(w.clients)-1].ttl
	for end := w.now + 2*longest + 1500*time.Millisecond; w.now < end; w.pass(Tick) {
		w.work()
	}
	for service := range w.state().Services() {
		for i := range service.Instances() {
			if i.Lease != nil && !i.Expired {
				w.fail("%s has stopped, and is not expired at %s", i.ID, w.now)
			}
		}
	}
}

// work does what is to be done at once.
func (w *world) work() {
	for _, m := range w.nodes {
		if m == w.leader && m.leases.term < w.term {
			w.applyTo(m, w.committed)
			m.leases.Lead(w.term)
			m.hear()
		} else if m != w.leader {
			m.leases.Follow()
		}
	}
	for _, d := range slices.Clone(w.decisions) {
		if d.entry == nil && d.by == w.leader && d.leases == d.by.leases {
			d.entry = &entry{writeTerm: d.term, ops: d.ops}
			w.put(d.entry)
		} else {
			w.settle(d, false)
		}
	}
	for w.committed < len(w.log) {
		w.commit()
	}
	for _, m := range w.nodes {
		w.applyTo(m, w.committed)
	}
}
