package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/wire"
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

// A registry may be restored from old data while it is watched. What follows counts, although its indexes are lower; and what
// is asked from then on need not be as new as what was seen before.
func TestAStreamThatBeginsANewHistoryIsFollowedToLowerIndexes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		restored := w.put("payments", "p1", registry.Healthy)
		for range 5 {
			w.put("payments", "p2", registry.Healthy)
		}
		n := startNode(t, w)
		c := newClient(t, nil, n)
		told, fresh := 0, false
		for s, err := range c.Watch(limited(t), "payments") {
			if errors.Is(err, ErrNewHistory) {
				fresh = true
			}
			if err != nil {
				continue // the registry is lost for a moment
			}
			if told++; told > 1 {
				if ids := idsOf(s.Instances); !fresh || !slices.Equal(ids, []string{"p1"}) {
					t.Errorf("%v; told of a new history: %v", ids, fresh)
				}
				break
			}
			w.rewind(5)
			n.answers(func(to http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/v1/watch" {
					return false
				}
				stream := json.NewEncoder(to)
				_ = stream.Encode(map[string]any{"event": wire.EventHello, "data": wire.Hello{Watch: "w1"}})
				_ = stream.Encode(map[string]any{"event": wire.EventReset, "data": wire.Bookmark{Index: restored}})
				_ = stream.Encode(map[string]any{"event": wire.EventSnapshot, "id": restored, "data": wire.Discovered{
					Service: "payments", Index: restored, Instances: []*registry.Instance{{Service: "payments", ID: "p1", Status: registry.Healthy}},
				}})
				_ = http.NewResponseController(to).Flush()
				<-r.Context().Done()
				return true
			})
		}
		if told != 2 {
			t.Errorf("told %d times", told)
		}
		if found, err := c.DiscoverWith(limited(t), "payments"); err != nil || len(found) != 1 {
			t.Errorf("a node is asked: %v, %v", found, err)
		}
	})
}
