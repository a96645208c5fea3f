package trials

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Watchers follow the load over all nodes while nodes are killed, and go on elsewhere whenever theirs dies. Whatever they
// went through, all of them see the same content at the same index, and in the end what the cluster holds.
func TestWatchersLoseNothingWhereverTheyGoOn(t *testing.T) {
	c := testcluster.StartProcesses(t, 3, frequentSnapshots...)
	random := dice.New(t)
	l := startLoad(t, c, 4)
	seen := &sightings{t: t, content: map[uint64]string{}}
	watchers := make([]*follower, 12)
	for n := range watchers {
		addresses := []string{c.Nodes[n%3].HTTP, c.Nodes[(n+1)%3].HTTP, c.Nodes[(n+2)%3].HTTP}
		watchers[n] = startFollower(t, api.Watching{All: n%2 == 0, Services: []string{"load"}[:n%2]}, seen, addresses)
	}
	n := trials(t, 6)
	for range n {
		l.await(20)
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond) // any moment
		victims := random.Perm(3)[:1+random.IntN(3)]
		for _, v := range victims {
			c.Nodes[v].Kill()
		}
		for _, v := range victims {
			c.Nodes[v].Start()
		}
		c.AwaitReady()
	}
	l.end()
	l.requireNothingLost(c.Nodes[0].HTTP)
	want := contentOf(t, c.Nodes[0].HTTP)
	events, resumed := int64(0), int64(0)
	for n, w := range watchers {
		await(t, func() error {
			if got := w.content(); got != want {
				return fmt.Errorf("watcher %d has %s, the cluster %s", n, got, want)
			}
			return nil
		})
		events, resumed = events+w.events.Load(), resumed+w.resumed.Load()
	}
	t.Logf("%d trials: %d watchers took %d events and went on elsewhere %d times; %d contents compared", n, len(watchers), events, resumed, seen.count())
}

// follower is a watcher that applies events in whole sets: when one with an id has come.
type follower struct {
	seen            *sightings
	events, resumed atomic.Int64

	mu        sync.Mutex
	instances map[string]*registry.Instance
}

func startFollower(t *testing.T, what api.Watching, seen *sightings, nodes []string) *follower {
	t.Helper()
	client, err := api.New(nodes...)
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{seen: seen, instances: map[string]*registry.Instance{}}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		var set []wire.Event
		lost := func(api.Interruption) {
			set = nil // what was not whole comes again
			f.resumed.Add(1)
		}
		for e, err := range api.Follow(ctx, client, what, lost) {
			if err != nil {
				t.Errorf("the watch of %+v ended: %v", what, err)
				return
			}
			f.events.Add(1)
			if set = append(set, e); e.ID != nil {
				f.apply(t, set)
				set = nil
			}
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		client.Close()
	})
	return f
}

func (f *follower) apply(t *testing.T, set []wire.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range set {
		var body struct {
			Index               uint64
			Service             string
			Instances, Upserted []*registry.Instance
			Removed             []string
		}
		if err := json.Unmarshal(e.Data, &body); err != nil {
			t.Errorf("%s %s: %v", e.Event, e.Data, err)
		}
		switch {
		case e.Event == wire.EventReset:
			clear(f.instances)
			continue
		case body.Service != "load":
			continue
		case e.Event == wire.EventSnapshot:
			clear(f.instances)
		}
		for _, i := range append(body.Instances, body.Upserted...) {
			if old := f.instances[i.ID]; old != nil && old.ModifyIndex > i.ModifyIndex {
				t.Errorf("%s went back from %d to %d", i.ID, old.ModifyIndex, i.ModifyIndex)
			}
			f.instances[i.ID] = i
		}
		for _, id := range body.Removed {
			delete(f.instances, id)
		}
		f.seen.add(body.Index, render(f.instances))
	}
}

func (f *follower) content() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return render(f.instances)
}

// sightings are what all watchers saw, by the index of the service.
type sightings struct {
	t *testing.T

	mu      sync.Mutex
	content map[uint64]string
}

func (s *sightings) add(index uint64, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := s.content[index]; ok && other != content {
		s.t.Errorf("at %d one watcher has %s and another %s", index, other, content)
	}
	s.content[index] = content
}

func (s *sightings) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.content)
}

// contentOf is what a node holds after all acknowledged writes.
func contentOf(t *testing.T, node string) string {
	t.Helper()
	answer, err := testcluster.Get(t.Context(), node+"/v1/services/load?consistency=linearizable&status=any")
	if err != nil {
		t.Fatal(err)
	}
	var found wire.Discovered
	if err := answer.Decode(&found); err != nil {
		t.Fatal(err)
	}
	instances := map[string]*registry.Instance{}
	for _, i := range found.Instances {
		instances[i.ID] = i
	}
	return render(instances)
}

func render(instances map[string]*registry.Instance) string {
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(instances)) {
		lines = append(lines, fmt.Sprintf("%s@%d=%s", id, instances[id].ModifyIndex, instances[id].Metadata["version"]))
	}
	return fmt.Sprint(lines)
}
