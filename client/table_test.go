package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// knownOf is what is known of payments at an index.
func knownOf(index uint64, ids ...string) *known {
	var instances []*registry.Instance
	for _, id := range ids {
		instances = append(instances, &registry.Instance{Service: "payments", ID: id, Status: registry.Healthy})
	}
	return newKnown("payments", index, instances)
}

// A reader must not be answered from before its own write: what the stream has told counts only once it got that far.
func TestTheCacheDoesNotAnswerUntilItHasThisClientsOwnWrite(t *testing.T) {
	table := newTable(time.Minute)
	e, _ := table.use("payments")
	table.seed(e, knownOf(5, "p1"), vouched{at: 5, cluster: "C1"})
	e.covered = true
	if table.known(e, 5) == nil {
		t.Error("it has seen the write at 5, and does not answer")
	}
	if table.known(e, 6) != nil {
		t.Error("it answers, and has not seen the write at 6")
	}
	table.lose(errors.New("nobody is there"))
	if table.known(e, 6) == nil {
		t.Error("nobody else can answer, and it does not")
	}
}

// An answer that was long on its way, or comes from a node that lags, must not bring back instances that have gone.
func TestWhatWasFetchedIsUsedOnlyWhereItIsNewer(t *testing.T) {
	table := newTable(time.Minute)
	table.recall(keptService{Service: "payments", Index: 7, At: 9, Cluster: "C1"})
	e, _ := table.use("payments")
	table.seed(e, knownOf(5, "gone"), vouched{at: 8, cluster: "C1"})
	if ids := idsOf(table.last(e).snapshot.Instances); len(ids) > 0 || e.seen.at != 9 {
		t.Errorf("at 9 there was nobody, and at 8 there is %v as of %d", ids, e.seen.at)
	}
	table.seed(e, knownOf(10, "new"), vouched{at: 10, cluster: "C1"})
	if ids := idsOf(table.last(e).snapshot.Instances); !slices.Equal(ids, []string{"new"}) || e.seen.at != 10 {
		t.Errorf("%v as of %d", ids, e.seen.at)
	}
}

// Indexes of two clusters say nothing of each other. Who watches is told, by the stream where that carries the service.
func TestWhatWasFetchedFromAnotherClusterIsNotTakenForTheNextState(t *testing.T) {
	for _, carried := range []bool{true, false} {
		table := newTable(time.Minute)
		watch, err := table.join("payments")
		if err != nil {
			t.Fatal(err)
		}
		e := watch.entry
		table.seed(e, knownOf(9, "p1"), vouched{at: 9, cluster: "C1"})
		e.joined = carried
		table.seed(e, knownOf(3, "q1"), vouched{at: 3, cluster: "C2"})
		ids := fmt.Sprint(idsOf(table.last(e).snapshot.Instances))
		if carried && (ids != "[p1]" || e.seen.cluster != "C1" || watch.reset) {
			t.Errorf("the stream carries it: %s of %s; told of a new history: %v", ids, e.seen.cluster, watch.reset)
		}
		if !carried && (ids != "[q1]" || e.seen.cluster != "C2" || !watch.reset) {
			t.Errorf("no stream carries it: %s of %s; told of a new history: %v", ids, e.seen.cluster, watch.reset)
		}
	}
}

// A stream that was replaced may still have something under way, of services or of a history that the new one does not go on from.
func TestAStreamThatWasReplacedChangesNothingAnyMore(t *testing.T) {
	table := newTable(time.Minute)
	e, _ := table.use("payments")
	e.joined = true
	table.reopen(t.Context())
	old := table.current()
	table.reopen(t.Context())
	if old.ctx.Err() == nil {
		t.Error("the old stream goes on")
	}
	late := []event{{kind: wire.EventSnapshot, service: "payments", index: 3}}
	if _, err := table.apply(old, 3, "C1", late); !errors.Is(err, errReplaced) || e.known != nil || e.covered {
		t.Errorf("%v; known: %v, covered: %v", err, e.known, e.covered)
	}
	if _, err := table.apply(table.current(), 3, "C1", late); err != nil || e.known == nil {
		t.Errorf("the new stream: %v; known: %v", err, e.known)
	}
	table.current().end()
}

// One stream carries all services, from the lowest index at which any is known: of the others it tells what is past for them.
func TestWhatIsPastForAServiceChangesNothing(t *testing.T) {
	table := newTable(time.Minute)
	payments, _ := table.use("payments")
	orders, _ := table.use("orders")
	payments.joined, orders.joined = true, true
	table.seed(payments, knownOf(10, "p1"), vouched{at: 10, cluster: "C1"})
	table.seed(orders, newKnown("orders", 5, nil), vouched{at: 5, cluster: "C1"})
	table.reopen(t.Context())
	defer table.current().end()
	past := []event{{kind: wire.EventDelta, service: "payments", index: 7, removed: []string{"p1"}}}
	if _, err := table.apply(table.current(), 7, "C1", past); err != nil {
		t.Fatal(err)
	}
	if ids := idsOf(table.last(payments).snapshot.Instances); !slices.Equal(ids, []string{"p1"}) || payments.seen.at != 10 || orders.seen.at != 7 {
		t.Errorf("payments: %v as of %d; orders as of %d", ids, payments.seen.at, orders.seen.at)
	}
}

func TestWhatACallerDoesToItsListIsItsOwnBusiness(t *testing.T) {
	k := knownOf(5, "p1", "p2")
	found, err := k.discover()
	if err != nil {
		t.Fatal(err)
	}
	found[0].ID = "mine"
	k.share().Instances[0].ID = "mine"
	again, _ := k.discover()
	for _, ids := range [][]string{idsOf(again), idsOf(k.share().Instances)} {
		if !slices.Equal(ids, []string{"p1", "p2"}) {
			t.Errorf("the next caller sees %v", ids)
		}
	}
}

// A stream may break off in the midst of a set. What the next one brings stands alone.
func TestHalfASetThatBrokeOffIsNoPartOfTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		index := w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		c := newClient(t, nil, n)
		var broken atomic.Bool
		told := 0
		for s, err := range c.Watch(limited(t), "payments") {
			if err != nil {
				continue // The registry is lost for as long as the stream is broken off.
			}
			if told++; told == 1 {
				n.answers(func(to http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path != "/v1/watch" || broken.Swap(true) {
						return false
					}
					ghost := &registry.Instance{Service: "payments", ID: "ghost", Status: registry.Healthy}
					stream := json.NewEncoder(to)
					_ = stream.Encode(map[string]any{"event": wire.EventHello, "data": wire.Hello{Watch: "w1"}})
					_ = stream.Encode(map[string]any{"event": wire.EventDelta, "data": wire.Delta{
						Service: "payments", Index: index + 1, Upserted: []*registry.Instance{ghost},
					}})
					w.put("payments", "p2", registry.Healthy) // which the next stream begins with
					return true
				})
				continue
			}
			if ids := fmt.Sprint(idsOf(s.Instances)); ids != "[p1 p2]" || !broken.Load() {
				t.Errorf("%s; a stream broke off: %v", ids, broken.Load())
			}
			break
		}
	})
}
