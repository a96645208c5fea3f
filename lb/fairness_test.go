package lb_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

func TestRoundRobinChoosesEachOnceARound(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(r, "instances")
		b := balancerOf(t, "round-robin", instances(n))
		for range 3 {
			got := choose(t, b, n)
			for id, times := range got {
				if times != 1 || len(got) != n {
					r.Fatalf("%s was chosen %d times in a round of %d, in which %d were chosen", id, times, n, len(got))
				}
			}
		}
	})
}

// TestWeightedKeepsToTheSharesAtEveryMoment: after any number of choices, nobody is further from its share than a few
// choices.
func TestWeightedKeepsToTheSharesAtEveryMoment(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 1000), 1, 30).Draw(r, "weights")
		var list []registry.Instance
		total := 0
		for i, w := range weights {
			list = append(list, instance(fmt.Sprintf("i%04d", i), weighing(w)))
			total += w
		}
		b := balancerOf(t, "weighted", list)
		got := make([]int, len(weights))
		for calls := 1; calls <= 2000; calls++ {
			i, err := b.SelectInstance(t.Context(), "payments")
			if err != nil {
				r.Fatal(err)
			}
			got[number(i.ID)]++
			if calls%97 != 0 {
				continue
			}
			for n, times := range got {
				share := float64(calls) * float64(weights[n]) / float64(total)
				if math.Abs(float64(times)-share) > 2+math.Log2(float64(calls)) {
					r.Fatalf("after %d calls, the one of weight %d of %d has %d", calls, weights[n], total, times)
				}
			}
		}
	})
}

// TestWeightedIsSmooth: no run of calls falls to one that has not the weight for it.
func TestWeightedIsSmooth(t *testing.T) {
	b := balancerOf(t, "weighted", []registry.Instance{
		instance("i0000", weighing(500)), instance("i0001", weighing(300)), instance("i0002", weighing(200)),
	})
	row, last := 0, ""
	for range 10000 {
		i, err := b.SelectInstance(t.Context(), "payments")
		if err != nil {
			t.Fatal(err)
		}
		if i.ID != last {
			row, last = 0, i.ID
		}
		if row++; row > 2 {
			t.Fatalf("%s was chosen %d times in a row", i.ID, row)
		}
	}
}

func TestDrawsAreEven(t *testing.T) {
	for _, strategy := range []string{"random", "p2c", "least-connections", "adaptive", "peak-ewma", "rendezvous"} {
		for _, n := range []int{2, 3, 7, 40} {
			b := balancerOf(t, strategy, instances(n))
			got := choose(t, b, 1000*n)
			for id, times := range got {
				if times < 800 || times > 1200 {
					t.Errorf("%s of %d: %s was chosen %d times, want about 1,000", strategy, n, id, times)
				}
			}
			if len(got) != n {
				t.Errorf("%s of %d: only %d were chosen", strategy, n, len(got))
			}
		}
	}
}

// TestWeightsCountWhereLoadIsCompared: with calls that do not end, instances fill up as their weights are.
func TestWeightsCountWhereLoadIsCompared(t *testing.T) {
	for _, strategy := range []string{"p2c", "least-connections"} {
		s := balancerOf(t, strategy, []registry.Instance{instance("big", weighing(300)), instance("small", weighing(100))}).Service("payments")
		for range 400 {
			acquire(t, s)
		}
		if got := endpoints(s)["big"].InFlight; got < 295 || got > 305 {
			t.Errorf("%s: the one with three of four parts has %d of 400 calls", strategy, got)
		}
	}
}

// TestLeastConnectionsIsExactForAFew: of up to sixteen, the least of all is chosen.
func TestLeastConnectionsIsExactForAFew(t *testing.T) {
	s := balancerOf(t, "least-connections", instances(16)).Service("payments")
	for round := range 10 {
		for range 16 {
			acquire(t, s)
		}
		expectInFlight(t, s, round+1)
	}
}

func TestRendezvousMovesNoKeyWithoutNeed(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(r, "instances")
		gone := rapid.IntRange(0, n-1).Draw(r, "gone")
		all := instances(n)
		before := balancerOf(t, "rendezvous", all).Service("payments")
		after := balancerOf(t, "rendezvous", slices.Delete(slices.Clone(all), gone, gone+1)).Service("payments")
		for k := range 100 {
			key := fmt.Sprint("user-", k)
			was, is := keyed(t, before, key), keyed(t, after, key)
			if was != is && was != all[gone].ID {
				r.Fatalf("%s went from %s to %s, though %s is the one that has gone", key, was, is, all[gone].ID)
			}
			if again := keyed(t, after, key); again != is {
				r.Fatalf("%s went to %s and then to %s", key, is, again)
			}
		}
	})
}

// TestAHotKeyIsPassedOn: no instance has much more than a quarter more than the average, whatever the keys.
func TestAHotKeyIsPassedOn(t *testing.T) {
	s := balancerOf(t, "rendezvous", instances(10)).Service("payments")
	for range 1000 {
		if _, err := s.Acquire(t.Context(), lb.Query{Key: "everybody's"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range s.Endpoints() {
		if e.InFlight > 126 {
			t.Errorf("%s has %d of 1,000 calls in flight, among ten", e.ID, e.InFlight)
		}
	}
}

func TestASubsetIsStable(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(11, 100).Draw(r, "instances")
		gone := rapid.IntRange(0, n-1).Draw(r, "gone")
		all := instances(n)
		client := fmt.Sprint(rapid.IntRange(0, 1000).Draw(r, "client"))
		before := chosenOf(t, all, client)
		after := chosenOf(t, slices.Delete(slices.Clone(all), gone, gone+1), client)
		if len(before) != 10 || len(after) != 10 {
			r.Fatalf("subsets of %d and %d, want 10", len(before), len(after))
		}
		kept := 0
		for id := range before {
			if after[id] {
				kept++
			}
		}
		if want := 10; before[all[gone].ID] {
			if kept != 9 {
				r.Fatalf("one of the subset has gone, and %d of 9 stayed", kept)
			}
		} else if kept != want {
			r.Fatalf("one outside the subset has gone, and %d of 10 stayed", kept)
		}
	})
}

// TestSubsetsOfManyClientsAreEven: together they leave nobody out.
func TestSubsetsOfManyClientsAreEven(t *testing.T) {
	clients := map[string]int{}
	for c := range 300 {
		for id := range chosenOf(t, instances(30), fmt.Sprint("client-", c)) {
			clients[id]++
		}
	}
	for id, n := range clients {
		if n < 60 || n > 140 {
			t.Errorf("%s is in the subsets of %d of 300 clients, want about 100", id, n)
		}
	}
}

// chosenOf is the subset of ten of a client.
func chosenOf(t *testing.T, list []registry.Instance, client string) map[string]bool {
	t.Helper()
	b := balancerOf(t, "round-robin", list, lb.WithSubset(10, client))
	got := map[string]bool{}
	for id := range choose(t, b, 20) {
		got[id] = true
	}
	_ = b.Close()
	return got
}

func keyed(t *testing.T, s *lb.Service, key string) string {
	t.Helper()
	call, err := s.Acquire(t.Context(), lb.Query{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer call.Done(lb.Outcome{})
	return call.Instance().ID
}

// choose makes so many calls, one after the other, and counts who gets them.
func choose(t *testing.T, b *lb.Balancer, calls int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range calls {
		i, err := b.SelectInstance(t.Context(), "payments")
		if err != nil {
			t.Fatal(err)
		}
		got[i.ID]++
	}
	return got
}
