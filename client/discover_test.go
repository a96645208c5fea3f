package client

import (
	"context"
	"errors"
	"fmt"
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

// That the registry was lost when somebody last asked says nothing of now.
func TestWhatWasKnownInAnOutageIsNoAnswerAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		c := newClient(t, nil, n)
		if _, err := c.Discover(limited(t), "payments"); err != nil {
			t.Fatal(err)
		}
		awaitCovered(t, c, "payments")
		n.answers(refuse)
		time.Sleep(2 * DefaultLinger) // Nobody asks for the service any more, and it leaves the stream.
		n.answers(nil)
		w.put("payments", "p2", registry.Healthy)
		time.Sleep(10 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if found, err := c.Discover(ctx, "payments"); err != nil || len(found) != 2 {
			t.Errorf("%v, %v", idsOf(found), err)
		}
	})
}

// A proxy may answer anything with status 200, an error or nothing at all. That says nothing about the service.
func TestWhatIsNoAnswerEmptiesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, newWorld("C1"))
		c := newClient(t, nil, n)
		p1 := payments("p1")
		p1.Status = registry.Healthy
		c.table.recall(keptService{Service: "payments", Index: 7, At: 9, Cluster: "C1", Instances: []*registry.Instance{&p1}})
		for _, body := range []string{"", "{}", `{"code": "no_leader", "status": 503}`, `{"index": 9, "service": "payments", "instances": [null]}`} {
			n.answers(func(to http.ResponseWriter, _ *http.Request) bool {
				_, _ = fmt.Fprint(to, body)
				return true
			})
			if found, err := c.Discover(limited(t), "payments"); err != nil || len(found) != 1 {
				t.Errorf("%q: %v, %v", body, found, err)
			}
			if found, err := c.DiscoverWith(limited(t), "payments"); err == nil || errors.Is(err, registry.ErrNoHealthyInstances) {
				t.Errorf("%q: %v, %v", body, found, err)
			}
		}
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

// The stream may come from a node that lags. What a caller has read elsewhere is not taken back by the cache.
func TestTheCacheDoesNotGoBehindWhatACallerHasRead(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"another instance": func(w *world) { w.put("payments", "p2", registry.Healthy) },
		"nobody left":      func(w *world) { w.remove("payments", "p1") },
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld("C1")
			w.put("payments", "p1", registry.Healthy)
			lags, ahead := startNode(t, w), startNode(t, w)
			c := newClient(t, func(c *Config) { c.InOrder = true }, lags, ahead)
			if _, err := c.Discover(limited(t), "payments"); err != nil {
				t.Fatal(err)
			}
			awaitCovered(t, c, "payments")
			lags.hold(true)
			change(w)
			read, _ := c.DiscoverWith(limited(t), "payments", Linearizable())
			again, _ := c.Discover(limited(t), "payments")
			before, after := slices.Sorted(slices.Values(idsOf(read))), idsOf(again)
			if len(before) == 1 || !slices.Equal(before, after) {
				t.Errorf("%s: %v was read, and then %v", name, before, after)
			}
			asked := discovers(lags) + discovers(ahead)
			if _, _ = c.Discover(limited(t), "payments"); discovers(lags)+discovers(ahead) != asked {
				t.Errorf("%s: a node is asked again for what is known now", name)
			}
		})
	}
}

// The first state that a watch yields shows the client's own writes, too, and all that it has read.
func TestAWatchThatBeginsShowsNoLessThanWasSeenBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		ahead, lags := startNode(t, w), startNode(t, w)
		lags.hold(true)
		w.put("payments", "p2", registry.Healthy)
		c := newClient(t, func(c *Config) { c.InOrder = true }, ahead, lags)
		if found, err := c.DiscoverWith(limited(t), "payments"); err != nil || len(found) != 2 {
			t.Fatalf("%v, %v", found, err)
		}
		ahead.answers(func(to http.ResponseWriter, r *http.Request) bool { return r.URL.Path == "/v1/watch" && refuse(to, r) })
		time.AfterFunc(5*time.Second, func() { lags.hold(false) })
		for s, err := range c.Watch(limited(t), "payments") {
			if errors.Is(err, ErrLost) {
				continue // until the node that lags has got as far
			}
			if err != nil || len(s.Instances) != 2 {
				t.Errorf("%v, %v", idsOf(s.Instances), err)
			}
			break
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
