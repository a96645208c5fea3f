package client

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// awaitCovered waits until the stream tells of a service.
func awaitCovered(t *testing.T, c *Client, service string) {
	t.Helper()
	eventually.Succeeds(t, 10*time.Second, func() error {
		c.table.mu.Lock()
		defer c.table.mu.Unlock()
		if e := c.table.entries[service]; e == nil || !e.covered {
			return errors.New("the stream does not tell of " + service)
		}
		return nil
	})
}

func discovers(n *node) int {
	count := 0
	for _, r := range n.requests() {
		if strings.Contains(r, "/v1/services/") {
			count++
		}
	}
	return count
}

func TestTheFirstDiscoveryAsksANodeAndLaterOnesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p2", registry.Unhealthy)
		w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		c := newClient(t, nil, n)
		found, err := c.Discover(limited(t), "payments")
		if err != nil || !slices.Equal(idsOf(found), []string{"p1"}) {
			t.Fatalf("%v, %v", found, err)
		}
		awaitCovered(t, c, "payments")
		asked := discovers(n)
		for range 100 {
			if found, err = c.Discover(limited(t), "payments"); err != nil || len(found) != 1 {
				t.Fatalf("%v, %v", found, err)
			}
		}
		if discovers(n) != asked {
			t.Errorf("a node was asked %d times for what is watched", discovers(n)-asked)
		}
		w.put("payments", "p3", registry.Healthy)
		eventually.Succeeds(t, 10*time.Second, func() error {
			if found, _ := c.Discover(t.Context(), "payments"); len(found) != 2 {
				return errors.New("p3 is not known")
			}
			return nil
		})
	})
}

func TestWhatIsNotThereIsSaidFromTheWireAndFromTheCacheAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("sick", "s1", registry.Unhealthy)
		c := newClient(t, nil, startNode(t, w))
		for service, want := range map[string]error{"nobody": registry.ErrServiceNotFound, "sick": registry.ErrNoHealthyInstances} {
			if _, err := c.DiscoverWith(limited(t), service); !errors.Is(err, want) {
				t.Errorf("asked: %v, want %v", err, want)
			}
			if _, err := c.Discover(limited(t), service); !errors.Is(err, want) {
				t.Errorf("first: %v, want %v", err, want)
			}
			awaitCovered(t, c, service)
			if _, err := c.Discover(limited(t), service); !errors.Is(err, want) {
				t.Errorf("cached: %v, want %v", err, want)
			}
		}
	})
}

// Only the registry's own word replaces what is known: an empty list and a 404 do, an error never does.
func TestAnErrorNeverEmptiesTheCacheAndTheRegistrysWordDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		c := newClient(t, func(c *Config) { c.Timeout = 300 * time.Millisecond }, n)
		if _, err := c.Discover(limited(t), "payments"); err != nil {
			t.Fatal(err)
		}
		awaitCovered(t, c, "payments")
		for _, code := range []wire.Code{wire.CodeNoLeader, wire.CodeNotReady, wire.CodeInternal, wire.CodeUnauthorized, wire.CodeInvalidRequest} {
			n.answers(func(w http.ResponseWriter, _ *http.Request) bool {
				problem(w, code)
				return true
			})
			for range 20 {
				if found, err := c.Discover(limited(t), "payments"); err != nil || len(found) != 1 {
					t.Fatalf("%s: %v, %v", code, found, err)
				}
				time.Sleep(5 * time.Millisecond) // while the stream is tried again
			}
		}
		if age, ok := c.Age("payments"); !ok || age < 300*time.Millisecond {
			t.Errorf("the cache is %v old, and known: %v", age, ok)
		}
		w.remove("payments", "p1")
		n.answers(nil)
		eventually.Succeeds(t, 10*time.Second, func() error {
			if _, err := c.Discover(t.Context(), "payments"); !errors.Is(err, registry.ErrServiceNotFound) {
				return errors.New("it is still found")
			}
			return nil
		})
	})
}

func TestAFrozenNodeDoesNotHoldEveryCallUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		frozen, well := startNode(t, w), startNode(t, w)
		frozen.answers(func(_ http.ResponseWriter, r *http.Request) bool {
			<-r.Context().Done()
			return true
		})
		c := newClient(t, nil, frozen, well)
		slow := 0
		for range 50 {
			began := time.Now()
			if _, err := c.DiscoverWith(limited(t), "payments"); err != nil {
				t.Fatal(err)
			}
			if time.Since(began) > 500*time.Millisecond {
				slow++
			}
		}
		if slow > 1 {
			t.Errorf("%d of 50 calls waited for the frozen node", slow)
		}
	})
}

// What a session has seen is not unseen at a node that lags.
func TestASessionNeverGoesBackAtANodeThatLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		ahead, lagging := startNode(t, w), startNode(t, w)
		c := newClient(t, nil, ahead, lagging)
		lagging.mu.Lock()
		lagging.behind = 2
		lagging.mu.Unlock()
		w.put("payments", "p2", registry.Healthy)
		w.put("payments", "p3", registry.Healthy)
		c.calls.Saw("C1", 4) // as of a write
		for range 10 {
			found, err := c.DiscoverWith(limited(t), "payments")
			if err != nil || len(found) != 3 {
				t.Fatalf("%v, %v", idsOf(found), err)
			}
		}
	})
}

func TestAClusterBornAgainLocksNobodyOutAndIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, born := newWorld("C1"), newWorld("C2")
		for range 5 {
			old.put("payments", "p1", registry.Healthy)
		}
		born.put("payments", "q1", registry.Healthy)
		n := startNode(t, old)
		c := newClient(t, nil, n)
		ctx := limited(t)
		var seen [][]string
		fresh := false
		for s, err := range c.Watch(ctx, "payments") {
			switch {
			case errors.Is(err, ErrNewHistory):
				fresh = true
			case err == nil:
				seen = append(seen, idsOf(s.Instances))
			}
			if len(seen) == 1 && !fresh {
				n.moves(born)
			}
			if len(seen) == 2 {
				break
			}
		}
		if len(seen) != 2 || !fresh || !slices.Equal(seen[1], []string{"q1"}) {
			t.Errorf("saw %v, and was told of the new history: %v", seen, fresh)
		}
		if found, err := c.DiscoverWith(ctx, "payments"); err != nil || !slices.Equal(idsOf(found), []string{"q1"}) {
			t.Errorf("%v, %v", found, err)
		}
	})
}
