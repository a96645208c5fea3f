package mesh

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func (a *allowance) spendAll() (n int) {
	for a.spend() {
		n++
	}
	return n
}

func TestABudgetIsAShareOfTheCallsInTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAllowance(Budget{Floor: -1})
		for range 100 {
			a.earn()
		}
		if n := a.spendAll(); n != 20 {
			t.Errorf("%d tries more for 100 calls", n)
		}
		time.Sleep(5 * time.Second)
		for range 50 {
			a.earn()
		}
		if n := a.spendAll(); n != 10 {
			t.Errorf("%d tries more for 50 calls more", n)
		}
		time.Sleep(5 * time.Second) // the first hundred are forgotten, with the tries that they paid for
		if n := a.spendAll(); n != 0 {
			t.Errorf("%d tries more for nothing", n)
		}
		time.Sleep(time.Hour)
		a.earn()
		if n := a.spendAll(); n != 0 {
			t.Errorf("%d tries more for one call", n)
		}
	})
}

// TestABudgetHasAFloor: failsafe-go #106 has a share of what is in flight, which is nothing where calls are few.
func TestABudgetHasAFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAllowance(Budget{})
		a.earn()
		if n := a.spendAll(); n != 10 {
			t.Errorf("%d tries more in 10 s, with a floor of 1 a second", n)
		}
		time.Sleep(10 * time.Second)
		if n := a.spendAll(); n != 10 {
			t.Errorf("%d tries more in the next 10 s", n)
		}
	})
}

func TestATryThatWasNotMadeIsGivenBack(t *testing.T) {
	a := newAllowance(Budget{Floor: 0.1})
	if !a.spend() || a.spend() {
		t.Fatal("it has one try")
	}
	a.giveBack()
	if !a.spend() || a.spend() {
		t.Error("it has one try again")
	}
}

// TestATallyForgetsWhatIsOlderThanItsWindow compares it with a list of what happened.
func TestATallyForgetsWhatIsOlderThanItsWindow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOf(rapid.IntRange(0, 40)).Draw(rt, "steps") // of a tenth of a part each
		synctest.Test(t, func(*testing.T) {
			tally := newTally(10 * time.Second)
			born := time.Now()
			var at []int // the part in which each was counted
			for _, step := range steps {
				time.Sleep(time.Duration(step) * 100 * time.Millisecond)
				tally.add(counts{first: 1, third: 2})
				now := int(time.Since(born) / time.Second)
				at = append(at, now)
				n := 0
				for _, part := range at {
					if now-part < 10 {
						n++
					}
				}
				tally.decide(func(c counts) counts {
					if want := (counts{first: n, third: 2 * n}); c != want {
						rt.Errorf("it counts %+v, want %+v", c, want)
					}
					return counts{}
				})
			}
		})
	})
}
