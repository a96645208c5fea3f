package client

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/registry"
)

// A registry that is restored from old data is below what was seen. Who only watches must not wait for ever for it to get there.
func TestARegistryThatIsSetBackIsWatchedAnewAlsoByThoseWhoOnlyWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("a", "a1", registry.Healthy)
		w.put("b", "b1", registry.Healthy)
		for range 5 {
			w.put("b", "b2", registry.Healthy)
		}
		nodes := []*node{startNode(t, w), startNode(t, w)}
		c := newClient(t, nil, nodes...)
		if _, err := c.Discover(limited(t), "a"); err != nil {
			t.Fatal(err)
		}
		snapshots, fresh := 0, false
		for s, err := range c.Watch(limited(t), "b") {
			switch {
			case errors.Is(err, ErrNewHistory):
				fresh = true
			case err == nil:
				if snapshots++; snapshots == 1 {
					w.rewind(4)
					w.remove("b", "b2")
					for _, n := range nodes {
						n.CloseClientConnections()
					}
				}
			}
			if fresh && err == nil && slices.Equal(idsOf(s.Instances), []string{"b1"}) {
				break
			}
		}
		if !fresh || snapshots < 2 {
			t.Errorf("told of a new history: %v, after %d snapshots", fresh, snapshots)
		}
	})
}

// One node that lags is no new history.
func TestNodesThatLagAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("a", "a1", registry.Healthy)
		ahead, lagging := startNode(t, w), startNode(t, w)
		lagging.hold(true)
		c := newClient(t, func(c *Config) { c.InOrder = true }, ahead, lagging)
		w.put("a", "a2", registry.Healthy)
		told := 0
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a node that has failed for long is asked last for a minute at most
		defer cancel()
		for _, err := range c.Watch(ctx, "a") {
			if errors.Is(err, ErrNewHistory) {
				t.Fatal("told of a new history")
			}
			if told++; told == 1 {
				ahead.answers(refuse)
				time.AfterFunc(15*time.Second, func() { ahead.answers(nil) })
				time.AfterFunc(time.Second, func() { w.put("a", "a3", registry.Healthy) })
			}
			if found, _ := c.Discover(t.Context(), "a"); len(found) == 3 {
				return
			}
		}
		t.Error("the watch ended before a3 was seen")
	})
}
