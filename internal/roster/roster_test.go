package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// old is a roster of a node that has been there for long.
func old() *Roster { return New(time.Now().Add(-Memory)) }

func join(t *testing.T, r *Roster, name string, services ...string) *Watch {
	t.Helper()
	w, err := r.Join(name, services...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func confirm(t *testing.T, w *Watch, index uint64) {
	t.Helper()
	w.Sent(max(w.sent, index))
	if err := w.roster.Confirm(w.ID(), index); err != nil {
		t.Fatal(err)
	}
}

// now is how the watches of payments stand to an index at this moment.
func now(r *Roster, index uint64, sought ...string) Standing {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	return r.Standing(over, "payments", index, sought)
}

func want(t *testing.T, got, want Standing) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAWatchIsPendingUntilItConfirmsTheIndexOrALaterOne(t *testing.T) {
	r := old()
	a, b := join(t, r, "a", "payments"), join(t, r, "b", "payments", "orders")
	join(t, r, "c", "orders")
	want(t, now(r, 7), Standing{Pending: []string{"a", "b"}})
	confirm(t, a, 6)
	confirm(t, b, 9)
	want(t, now(r, 7), Standing{Confirmed: 1, Pending: []string{"a"}})
	confirm(t, a, 7)
	confirm(t, a, 3) // came late
	want(t, now(r, 7), Standing{Confirmed: 2})
	if !now(r, 7).Settled() {
		t.Error("that is not settled")
	}
}

func TestWhoWatchesEverythingWatchesEachService(t *testing.T) {
	r := old()
	w := join(t, r, "all")
	want(t, now(r, 7), Standing{Pending: []string{"all"}})
	w.Leave()
	want(t, now(r, 7), Standing{Lost: []string{"all"}})
}

func TestAServiceThatIsNamedTwiceIsWatchedOnce(t *testing.T) {
	r := old()
	w := join(t, r, "a", "payments", "orders", "payments")
	if r.places != 2 {
		t.Errorf("it takes %d places", r.places)
	}
	confirm(t, w, 7)
	want(t, now(r, 7), Standing{Confirmed: 1})
}

func TestAWatchThatBrokeOffIsLostForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		w := join(t, r, "a", "payments")
		confirm(t, w, 6)
		w.Leave()
		w.Leave()
		time.Sleep(Memory - time.Millisecond)
		want(t, now(r, 7), Standing{Lost: []string{"a"}})
		want(t, now(r, 6), Standing{Confirmed: 1}) // it had confirmed that before
		time.Sleep(time.Millisecond)
		want(t, now(r, 7), Standing{})
		if r.places != 0 || len(r.audiences) != 0 || r.absences.Len() != 0 || len(r.watches) != 0 {
			t.Errorf("something of it is kept: %+v", r)
		}
	})
}

func TestANameThatConfirmsInAnotherWatchIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		join(t, r, "a", "payments").Leave()
		again := join(t, r, "a", "payments")
		want(t, now(r, 7), Standing{Pending: []string{"a"}, Lost: []string{"a"}})
		confirm(t, again, 7)
		want(t, now(r, 7), Standing{Confirmed: 1})
		other := join(t, r, "a", "payments")
		confirm(t, other, 7)
		want(t, now(r, 7), Standing{Confirmed: 2})
		other.Leave()
		want(t, now(r, 7), Standing{Confirmed: 1}) // the other one stands for the name
		again.Leave()
		want(t, now(r, 7), Standing{Confirmed: 1})
		join(t, r, "a", "payments").Leave() // and never confirmed anything itself
		want(t, now(r, 7), Standing{Confirmed: 1})
		want(t, now(r, 8), Standing{Lost: []string{"a"}})
	})
}

func TestTheLastOfANameToBreakOffIsForgottenLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		first, second := join(t, r, "a", "payments"), join(t, r, "a", "payments")
		first.Leave()
		time.Sleep(Memory / 3)
		join(t, r, "b", "payments").Leave()
		time.Sleep(Memory / 3)
		second.Leave()
		time.Sleep(Memory / 3)
		want(t, now(r, 7), Standing{Lost: []string{"a", "b"}})
		time.Sleep(Memory / 3)
		want(t, now(r, 7), Standing{Lost: []string{"a"}})
		time.Sleep(Memory / 3)
		want(t, now(r, 7), Standing{})
	})
}

func TestNamesThatAreSoughtAreFoundWhereTheyHaveConfirmed(t *testing.T) {
	r := old()
	confirm(t, join(t, r, "here", "payments"), 7)
	gone := join(t, r, "gone", "payments")
	confirm(t, gone, 7)
	gone.Leave()
	confirm(t, join(t, r, "elsewhere", "orders"), 7)
	join(t, r, "pending", "payments")
	want(t, now(r, 7, "here", "gone", "elsewhere", "pending", "nobody"),
		Standing{Confirmed: 2, Pending: []string{"pending"}, Found: []string{"here", "gone"}})
}

func TestARosterOfANodeThatHasJustStartedSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(time.Now())
		time.Sleep(Memory - time.Millisecond)
		if s := now(r, 7); !s.Young || s.Settled() {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Millisecond)
		if s := now(r, 7); s.Young || !s.Settled() {
			t.Errorf("%+v", s)
		}
	})
}

func TestOnlyWhatAWatchWasSentCanBeConfirmed(t *testing.T) {
	r := old()
	w := join(t, r, "a", "payments")
	if err := r.Confirm(w.ID(), 1); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("before anything was sent: %v", err)
	}
	w.Sent(7)
	if err := r.Confirm(w.ID(), 8); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("beyond: %v", err)
	}
	if err := r.Confirm(w.ID()+"x", 7); !errors.Is(err, ErrUnknown) {
		t.Errorf("another's: %v", err)
	}
	w.Leave()
	if err := r.Confirm(w.ID(), 7); !errors.Is(err, ErrUnknown) {
		t.Errorf("after its end: %v", err)
	}
	want(t, now(r, 7), Standing{Lost: []string{"a"}})
}

func TestANameHasToBeLegible(t *testing.T) {
	r := old()
	for _, name := range []string{"", strings.Repeat("x", 129), "a\nb", "a\x00", "\u202ea", "a\xff", "node:n1"} {
		if _, err := r.Join(name, "payments"); !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"gateway-7", "Köln Süd", strings.Repeat("x", 128), "nodes"} {
		join(t, r, name, "payments")
	}
}

func TestTheRosterIsFullAtSomePointAndEmptiesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		services := make([]string, 1024)
		for i := range services {
			services[i] = fmt.Sprint("s", i)
		}
		watches := make([]*Watch, 0, maxPlaces/len(services))
		for i := range maxPlaces / len(services) {
			watches = append(watches, join(t, r, fmt.Sprint("w", i), services...))
		}
		if _, err := r.Join("more", "payments"); !errors.Is(err, fault.ErrOverloaded) {
			t.Fatalf("one more: %v", err)
		}
		for _, w := range watches {
			w.Leave()
		}
		if _, err := r.Join("more", "payments"); !errors.Is(err, fault.ErrOverloaded) {
			t.Fatalf("before they are forgotten: %v", err)
		}
		time.Sleep(Memory)
		for range 1000 { // one who comes and goes takes one place
			join(t, r, "restless", "payments").Leave()
		}
		if r.places != 1 {
			t.Errorf("%d places are taken", r.places)
		}
	})
}
