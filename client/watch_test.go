package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/registry"
)

func streams(n *node) []string {
	return slices.DeleteFunc(n.requests(), func(r string) bool { return !strings.HasPrefix(r, "GET /v1/watch?") })
}

func TestAWatchYieldsWhatThereIsAndThenTheNewest(t *testing.T) {
	w := newWorld("C1")
	w.put("payments", "p1", registry.Unhealthy)
	c := newClient(t, nil, startNode(t, w))
	step := 0
	for s, err := range c.Watch(limited(t), "payments") {
		if err != nil {
			t.Fatal(err)
		}
		switch step++; step {
		case 1:
			if len(s.Instances) != 1 || s.Instances[0].Status != registry.Unhealthy {
				t.Fatalf("first %+v", s)
			}
			w.put("payments", "p2", registry.Healthy)
		case 2:
			if !slices.Equal(idsOf(s.Instances), []string{"p1", "p2"}) {
				t.Fatalf("second %+v", s)
			}
			w.remove("payments", "p1")
			w.remove("payments", "p2")
		}
		if step > 2 && len(s.Instances) == 0 {
			return
		}
	}
	t.Error("the watch ended")
}

// Many services are one stream, which is opened anew for those that join, at the position where it was.
func TestOneStreamCarriesAllServices(t *testing.T) {
	w := newWorld("C1")
	n := startNode(t, w)
	for k := range 30 {
		w.put(fmt.Sprintf("s%d", k), "i", registry.Healthy)
	}
	c := newClient(t, nil, n)
	first := func(service string) {
		t.Helper()
		for s, err := range c.Watch(limited(t), service) {
			if err != nil || len(s.Instances) != 1 {
				t.Fatalf("%+v, %v", s, err)
			}
			return
		}
	}
	first("s0")
	done := make(chan struct{})
	for k := 1; k < 30; k++ {
		go func() {
			defer func() { done <- struct{}{} }()
			for range c.Watch(t.Context(), fmt.Sprintf("s%d", k)) {
				return
			}
		}()
	}
	for range 29 {
		<-done
	}
	awaitCovered(t, c, "s29")
	if opened := streams(n); len(opened) > 8 || !strings.Contains(opened[len(opened)-1], "index=") {
		t.Errorf("the stream was opened %d times: %v", len(opened), opened)
	}
	if asked := discovers(n); asked > 29 {
		t.Errorf("services were fetched %d times", asked)
	}
}

func TestAServiceThatNobodyWatchesLeavesTheStream(t *testing.T) {
	w := newWorld("C1")
	w.put("a", "i", registry.Healthy)
	w.put("b", "i", registry.Healthy)
	n := startNode(t, w)
	c := newClient(t, func(c *Config) { c.Linger = 100 * time.Millisecond }, n)
	for range c.Watch(limited(t), "a") {
		for range c.Watch(limited(t), "b") {
			break
		}
		eventually.Succeeds(t, 10*time.Second, func() error {
			if all := streams(n); strings.Contains(all[len(all)-1], "service=b") {
				return errors.New("b is still carried")
			}
			return nil
		})
		break
	}
}

// A change is confirmed when those who watch have come back for more, and not before; one that nobody waits for at once.
func TestAChangeIsConfirmedWhenItsConsumersAreDone(t *testing.T) {
	w := newWorld("C1")
	w.put("payments", "p1", registry.Healthy)
	n := startNode(t, w)
	c := newClient(t, nil, n)
	confirmed := func(index uint64) func() error {
		return func() error {
			if !slices.ContainsFunc(n.acknowledged(), func(i uint64) bool { return i >= index }) {
				return fmt.Errorf("%d is not confirmed, but %v", index, n.acknowledged())
			}
			return nil
		}
	}
	step := 0
	var removed uint64
	for _, err := range c.Watch(limited(t), "payments") {
		if err != nil {
			t.Fatal(err)
		}
		switch step++; step {
		case 1:
			removed = w.put("payments", "p2", registry.Healthy)
			w.put("elsewhere", "e", registry.Healthy)
		case 2:
			time.Sleep(100 * time.Millisecond) // in which it must not be confirmed
			if confirmed(removed)() == nil {
				t.Fatal("it was confirmed while its consumer was busy with it")
			}
			w.put("payments", "p3", registry.Healthy)
		case 3:
			eventually.Succeeds(t, 10*time.Second, confirmed(removed))
			return
		}
	}
}

func TestAWatchIsToldOnceThatTheRegistryIsLostAndGoesOn(t *testing.T) {
	w := newWorld("C1")
	w.put("payments", "p1", registry.Healthy)
	n := startNode(t, w)
	c := newClient(t, nil, n)
	lost, snapshots := 0, 0
	for s, err := range c.Watch(limited(t), "payments") {
		switch {
		case errors.Is(err, ErrLost):
			lost++
			time.Sleep(300 * time.Millisecond) // more tries are made in vain
			w.put("payments", "p2", registry.Healthy)
			n.answers(nil)
			continue
		case err != nil:
			t.Fatal(err)
		}
		if snapshots++; snapshots == 1 {
			n.answers(refuse)
		}
		if len(s.Instances) == 2 {
			break
		}
	}
	if lost != 1 || snapshots != 2 {
		t.Errorf("told %d times, %d snapshots", lost, snapshots)
	}
}

func TestCloseEndsWatches(t *testing.T) {
	c := newClient(t, nil, startNode(t, newWorld("C1")))
	var last error
	for _, err := range c.Watch(limited(t), "payments") {
		last = err
		if err == nil {
			_ = c.Close()
		}
	}
	if !errors.Is(last, ErrClosed) {
		t.Errorf("%v", last)
	}
	if _, err := c.Discover(t.Context(), "payments"); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

// Whatever happens to the stream, and to whichever nodes, in the end the client knows what the registry holds, and an index
// never goes back on the way.
func TestWhateverBreaksTheClientEndsWithTheRegistrysState(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld("C1")
		nodes := []*node{startNode(t, w), startNode(t, w)}
		services := []string{"a", "b", "c"}
		c := newClient(t, nil, nodes...)
		for _, s := range services[:2] {
			_, _ = c.Discover(t.Context(), s)
		}
		last := map[string]uint64{}
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			service := rapid.SampledFrom(services).Draw(r, "service")
			id := rapid.SampledFrom([]string{"1", "2", "3"}).Draw(r, "id")
			n := rapid.SampledFrom(nodes).Draw(r, "node")
			switch rapid.IntRange(0, 6).Draw(r, "what") {
			case 0, 1:
				w.put(service, id, registry.Healthy)
			case 2:
				w.remove(service, id)
			case 3:
				n.CloseClientConnections()
			case 4:
				most := rapid.IntRange(1, 5).Draw(r, "events")
				n.mu.Lock()
				n.cut = func(event int) bool { return event >= most }
				n.mu.Unlock()
				n.CloseClientConnections()
			case 5:
				lag := rapid.IntRange(0, 2).Draw(r, "lag")
				n.mu.Lock()
				n.behind = max(n.behind-1, min(lag, n.behind))
				n.mu.Unlock()
			case 6:
				_, _ = c.Discover(t.Context(), service)
			}
			for name, e := range entriesOf(c) {
				if e < last[name] {
					r.Fatalf("%s went back from %d to %d", name, last[name], e)
				}
				last[name] = e
			}
		}
		for _, n := range nodes {
			n.mu.Lock()
			n.cut, n.behind = nil, 0
			n.mu.Unlock()
		}
		index := w.put("b", "end", registry.Healthy)
		eventually.Succeeds(t, 20*time.Second, func() error {
			for _, s := range services {
				var want []string
				for id := range nodes[0].at(index)[s] {
					want = append(want, id)
				}
				slices.Sort(want)
				found, err := c.Discover(t.Context(), s)
				if !slices.Equal(idsOf(found), want) && len(found)+len(want) > 0 {
					return fmt.Errorf("%s is known as %v (%v), and is %v", s, idsOf(found), err, want)
				}
			}
			return nil
		})
		_ = c.Close()
		for _, n := range nodes {
			n.CloseClientConnections()
			n.Close()
		}
	})
}

// entriesOf is the index of each service as it is known.
func entriesOf(c *Client) map[string]uint64 {
	c.table.mu.Lock()
	defer c.table.mu.Unlock()
	indexes := map[string]uint64{}
	for name, e := range c.table.entries {
		indexes[name] = e.seen.at
	}
	return indexes
}
