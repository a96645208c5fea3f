package chaos

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// reign is when somebody led, as the nodes say themselves. A node that is cut off leads for as long as it does not know better.
type reign struct {
	mu        sync.Mutex
	leads     map[string]bool
	elections int
	last      time.Time
	longest   time.Duration // in which nobody led
}

// watchReign asks all nodes whether they lead, again and again until the test ends.
func watchReign(t *testing.T, nodes []string) *reign {
	r := &reign{leads: map[string]bool{}, last: time.Now()}
	ctx, stop := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	for _, node := range nodes {
		asking.Go(func() { r.ask(ctx, node) })
	}
	t.Cleanup(func() {
		stop()
		asking.Wait()
	})
	return r
}

func (r *reign) ask(ctx context.Context, node string) {
	for ctx.Err() == nil {
		within, cancel := context.WithTimeout(ctx, time.Second) // a frozen one says nothing
		self, err := testcluster.SelfOf(within, node)
		cancel()
		r.note(node, err == nil && self.State == "leader")
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (r *reign) note(node string, leads bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if leads {
		if !r.leads[node] {
			r.elections++
		}
		r.longest = max(r.longest, time.Since(r.last))
		r.last = time.Now()
	}
	r.leads[node] = leads
}

func (r *reign) sum() (elections int, longest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.elections, max(r.longest, time.Since(r.last))
}
