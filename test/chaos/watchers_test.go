package chaos

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/consistency"
)

// watcher follows all services over all nodes, and goes on elsewhere whenever its node is lost.
type watcher struct {
	events, resumed *atomic.Int64
	pace            atomic.Int32 // how it reads

	mu      sync.Mutex
	replica *consistency.Replica
}

// startWatchers has so many watchers follow everything until the test ends.
func startWatchers(t *testing.T, n int, nodes []string, seen *consistency.Sightings) (all []*watcher, events, resumed *atomic.Int64) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	events, resumed = new(atomic.Int64), new(atomic.Int64)
	for i := range n {
		var order []string
		for k := range nodes {
			order = append(order, nodes[(i+k)%len(nodes)])
		}
		w := &watcher{events: events, resumed: resumed, replica: consistency.NewReplica(fmt.Sprintf("watcher %d", i), seen)}
		transport := pacedTransport(&w.pace)
		t.Cleanup(transport.CloseIdleConnections)
		client, err := api.NewWith(api.Options{Addresses: order, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
		running.Go(func() {
			defer client.Close()
			w.follow(ctx, t, client)
		})
	}
	return all, events, resumed
}

func (w *watcher) follow(ctx context.Context, t *testing.T, client *api.Client) {
	lost := func(api.Interruption) {
		w.resumed.Add(1)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.replica.Broken()
	}
	for ctx.Err() == nil {
		for e, err := range api.Follow(ctx, client, api.Watching{All: true}, lost) {
			if err != nil {
				break // no node is there, and it has not begun yet
			}
			w.events.Add(1)
			w.mu.Lock()
			err = w.replica.Take(e)
			w.mu.Unlock()
			if err != nil {
				t.Errorf("after %s: %v", e.Event, err)
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// has is the content of a service as the watcher has it.
func (w *watcher) has(service string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return consistency.Render(w.replica.Instances(service))
}
