package client

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/registry"
)

func streams(n *node) []string {
	return slices.DeleteFunc(n.requests(), func(r string) bool { return !strings.HasPrefix(r, "GET /v1/watch?") })
}

func TestAWatchYieldsWhatThereIsAndThenTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}

// Many services are one stream, which is opened anew for those that join, at the position where it was.
func TestOneStreamCarriesAllServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}

func TestAServiceThatNobodyWatchesLeavesTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}

// A stream that nobody needs any more ends in good order: a drain would else wait for it as for one that broke off.
func TestWhenTheLastServiceLeavesTheNodeIsToldThatTheWatchIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		n := startNode(t, w)
		c := newClient(t, func(c *Config) { c.Linger = 10 * time.Second }, n)
		ended := func() int {
			n.mu.Lock()
			defer n.mu.Unlock()
			return len(n.ended)
		}
		for _, service := range []string{"a", "b"} {
			w.put(service, "i", registry.Healthy)
			if _, err := c.Discover(limited(t), service); err != nil {
				t.Fatal(err)
			}
			awaitCovered(t, c, service)
			time.Sleep(5 * time.Second)
		}
		time.Sleep(4 * time.Second)
		if all := streams(n); ended() != 0 || len(all) != 3 || strings.Contains(all[2], "service=a") {
			t.Errorf("b is still carried, and %d watches are over: %v", ended(), all)
		}
		time.Sleep(10 * time.Second)
		if ended() != 1 || c.table.current().services != nil {
			t.Errorf("nobody asks any more, %d watches are over, and the stream carries %v", ended(), c.table.current().services)
		}
	})
}

// A change is confirmed when those who watch have come back for more, and not before; one that nobody waits for at once.
func TestAChangeIsConfirmedWhenItsConsumersAreDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}

// A drain waits for a confirmation that was lost on its way, and nothing else may change that would have another one sent.
func TestAConfirmationThatDidNotArriveIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		index := w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		var refused atomic.Int32
		n.answers(func(to http.ResponseWriter, r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/ack") && refused.Add(1) <= 3 && refuse(to, r)
		})
		c := newClient(t, nil, n)
		go func() {
			for range c.Watch(t.Context(), "payments") {
			}
		}()
		time.Sleep(time.Second)
		if acks := n.acknowledged(); !slices.Contains(acks, index) || refused.Load() > 5 {
			t.Errorf("after a second %v are confirmed, in %d tries", acks, refused.Load())
		}
		_ = c.Close()
	})
}

// What stands before a node may let no confirmation through, for ever.
func TestConfirmationsThatNeverArriveAreSentEverMoreSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		var refused atomic.Int32
		n.answers(func(to http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/ack") {
				refused.Add(1)
				to.WriteHeader(http.StatusMethodNotAllowed)
				return true
			}
			return false
		})
		c := newClient(t, nil, n)
		go func() {
			for range c.Watch(t.Context(), "payments") {
			}
		}()
		time.Sleep(time.Minute)
		if tries := refused.Load(); tries < 10 || tries > 60 {
			t.Errorf("within a minute it was sent %d times", tries)
		}
		_ = c.Close()
	})
}

// A service that joins a stream which is under way is fetched first. Where no node can tell of it for a moment, it is late, and
// those that the stream carries go on.
func TestAServiceThatCouldNotBeFetchedJoinsAMomentLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("a", "i", registry.Healthy)
		w.put("b", "i", registry.Healthy)
		n := startNode(t, w)
		c := newClient(t, nil, n)
		for range c.Watch(limited(t), "a") {
			break
		}
		awaitCovered(t, c, "a")
		began := time.Now()
		n.answers(func(to http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/v1/services/b" && time.Since(began) < 10*time.Second && refuse(to, r)
		})
		for s, err := range c.Watch(limited(t), "b") {
			if errors.Is(err, ErrLost) {
				continue
			}
			if err != nil || len(s.Instances) != 1 {
				t.Errorf("%+v, %v", s, err)
			}
			break
		}
		if took := time.Since(began); took > 13*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAWatchIsToldOnceThatTheRegistryIsLostAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}

// What a node sends may be JSON and still make no sense. That node has failed as if it had said nothing.
func TestANodeWhoseEventsCannotBeReadIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		broken, well := startNode(t, w), startNode(t, w)
		broken.answers(func(to http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v1/watch" {
				_, _ = fmt.Fprintln(to, `{"event":"hello","data":{"watch":"w1"}}`)
				_, _ = fmt.Fprintln(to, `{"event":"snapshot","id":2,"data":{"index":2,"service":"payments","instances":[null]}}`)
			}
			return r.URL.Path == "/v1/watch"
		})
		c := newClient(t, func(c *Config) { c.InOrder = true }, broken, well)
		for s, err := range c.Watch(limited(t), "payments") {
			if err != nil || len(s.Instances) != 1 || len(streams(broken)) != 1 {
				t.Errorf("%+v, %v; the broken node was asked %d times", s, err, len(streams(broken)))
			}
			break
		}
		if len(streams(well)) == 0 {
			t.Error("nobody asked the other node")
		}
	})
}

// Where no node makes sense, the registry is lost, and who watches is told. The nodes are not asked over and over.
func TestWhereNoEventCanBeReadTheRegistryIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := startNode(t, newWorld("C1")), startNode(t, newWorld("C1"))
		for _, n := range []*node{a, b} {
			n.answers(func(to http.ResponseWriter, r *http.Request) bool {
				_, _ = fmt.Fprintln(to, `{"event":"hello","data":{"watch":"w1"}}`)
				_, _ = fmt.Fprintln(to, `{"event":"delta","id":2,"data":null}`)
				return true
			})
		}
		c := newClient(t, nil, a, b)
		for _, err := range c.Watch(limited(t), "payments") {
			if !errors.Is(err, ErrLost) {
				t.Errorf("%v", err)
			}
			break
		}
		time.Sleep(time.Minute)
		if asked := len(streams(a)) + len(streams(b)); asked < 10 || asked > 60 {
			t.Errorf("within a minute the nodes were asked %d times", asked)
		}
	})
}

func TestCloseEndsWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}
