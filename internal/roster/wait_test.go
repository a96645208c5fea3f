package roster

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// waiting begins a wait for payments at an index, and tells when it is over and how the watches stood.
func waiting(ctx context.Context, r *Roster, index uint64) func() (Standing, time.Duration) {
	began := time.Now()
	var standing Standing
	var took time.Duration
	var wg sync.WaitGroup
	wg.Go(func() {
		standing = r.Standing(ctx, "payments", index, nil)
		took = time.Since(began)
	})
	synctest.Wait()
	return func() (Standing, time.Duration) {
		wg.Wait()
		return standing, took
	}
}

func nudged(w *Watch) bool {
	select {
	case <-w.Nudge():
		return true
	default:
		return false
	}
}

func TestAWaitNudgesThoseThatWereNotSentTheIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		behind, sent, done, other := join(t, r, "a", "payments"), join(t, r, "b"), join(t, r, "c", "payments"), join(t, r, "d", "orders")
		behind.Sent(6)
		sent.Sent(7)
		confirm(t, done, 7)
		ctx, cancel := context.WithCancel(t.Context())
		over := waiting(ctx, r, 7)
		second := waiting(ctx, r, 7)
		if !nudged(behind) || nudged(behind) || nudged(sent) || nudged(done) || nudged(other) {
			t.Error("the wrong ones were nudged")
		}
		cancel()
		over()
		second()
		if len(r.waits) != 0 {
			t.Errorf("%d waits are left", len(r.waits))
		}
	})
}

func TestANudgeForWhatIsSentAnywayLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		w := join(t, r, "a", "payments")
		ctx, cancel := context.WithCancel(t.Context())
		first, second := waiting(ctx, r, 9), waiting(ctx, r, 7)
		w.Sent(8)
		if !nudged(w) {
			t.Error("somebody waits for 9")
		}
		third := waiting(ctx, r, 10)
		w.Sent(10)
		if nudged(w) {
			t.Error("nobody waits for more")
		}
		cancel()
		first()
		second()
		third()
	})
}

func TestAWaitIsOverWhenTheLastHasConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		a, b := join(t, r, "a", "payments"), join(t, r, "b")
		over, later := waiting(t.Context(), r, 7), waiting(t.Context(), r, 9)
		time.Sleep(time.Second)
		confirm(t, a, 7)
		confirm(t, b, 6)
		time.Sleep(time.Second)
		confirm(t, b, 8)
		if s, took := over(); took != 2*time.Second || s.Confirmed != 2 || !s.Settled() {
			t.Errorf("after %s: %+v", took, s)
		}
		time.Sleep(time.Second)
		confirm(t, a, 9)
		confirm(t, b, 10)
		if s, took := later(); took != 3*time.Second || s.Confirmed != 2 {
			t.Errorf("the other, after %s: %+v", took, s)
		}
		if len(r.waits) != 0 {
			t.Errorf("%d waits are left", len(r.waits))
		}
	})
}

func TestAWaitDoesNotWaitForThoseThatBreakOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		a := join(t, r, "a", "payments")
		over := waiting(t.Context(), r, 7)
		time.Sleep(time.Second)
		a.Leave()
		s, took := over()
		if took != time.Second {
			t.Errorf("it took %s", took)
		}
		want(t, s, Standing{Lost: []string{"a"}})
	})
}

func TestAWaitThatIsGivenUpNamesThePending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		join(t, r, "a", "payments")
		confirm(t, join(t, r, "b", "payments"), 7)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, took := waiting(ctx, r, 7)()
		if took != time.Second || len(r.waits) != 0 {
			t.Errorf("it took %s, and %d waits are left", took, len(r.waits))
		}
		want(t, s, Standing{Confirmed: 1, Pending: []string{"a"}})
	})
}

func TestWhoJoinsMeanwhileIsListedButNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		a := join(t, r, "a", "payments")
		over := waiting(t.Context(), r, 7)
		join(t, r, "late", "payments")
		confirm(t, a, 7)
		s, _ := over()
		want(t, s, Standing{Confirmed: 1, Pending: []string{"late"}})
	})
}

func TestThousandsMayConfirmAtOnceWhileSeveralWait(t *testing.T) {
	r := old()
	watches := make([]*Watch, 2000)
	for i := range watches {
		watches[i] = join(t, r, string(rune('a'+i%26)), "payments")
	}
	var waits, owners sync.WaitGroup
	for index := range uint64(20) {
		waits.Go(func() {
			if s := r.Standing(t.Context(), "payments", index+1, nil); !s.Settled() || s.Confirmed != len(watches) {
				t.Errorf("at %d: %+v", index+1, s)
			}
		})
	}
	for _, w := range watches {
		owners.Go(func() {
			for index := range uint64(20) {
				w.Sent(index + 1)
				if err := r.Confirm(w.ID(), index+1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	owners.Wait()
	waits.Wait()
}
