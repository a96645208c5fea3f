package checks

import (
	"fmt"
	"testing"
	"time"

	"github.com/musterhq/muster/health/probe"
)

// ask has addresses, of so many, asked in one round; those from the first silent ones on answer.
func ask(d *doubt, now time.Time, addresses, silent int) {
	for n := range addresses {
		verdict := probe.Passed
		if n < silent {
			verdict = probe.Silent
		}
		d.hear(now, fmt.Sprint(n), verdict, interval)
	}
}

func TestANodeDoubtsItselfWhenHalfOfItsAddressesFallSilent(t *testing.T) {
	for _, c := range []struct {
		addresses, silent int
		want              bool
	}{
		{10, 0, false}, {10, 4, false}, {10, 5, true}, {10, 10, true},
		{3, 1, false}, {3, 2, true}, {2, 2, false}, {1, 1, false},
	} {
		var d doubt
		now := time.Now()
		ask(&d, now, c.addresses, 0)
		now = now.Add(interval)
		ask(&d, now, c.addresses, c.silent)
		if got := d.holds(now); got != c.want {
			t.Errorf("%d of %d are silent: %t", c.silent, c.addresses, got)
		}
		now = now.Add(interval)
		ask(&d, now, c.addresses, 0)
		if d.holds(now) {
			t.Errorf("%d of %d were silent: it doubts itself although all answer", c.silent, c.addresses)
		}
	}
}

func TestWhatNeverAnsweredIsNoGroundForDoubt(t *testing.T) {
	var d doubt
	now := time.Now()
	ask(&d, now, 10, 10)
	ask(&d, now.Add(interval), 10, 10)
	if d.holds(now.Add(interval)) {
		t.Error("it doubts itself for what has never answered")
	}
}

func TestWhatOthersDoNotHearEitherIsNoGroundForDoubt(t *testing.T) {
	var d doubt
	now := time.Now()
	ask(&d, now, 10, 0)
	now = now.Add(interval)
	ask(&d, now, 10, 6)
	for n := range 3 {
		d.agreed(fmt.Sprint(n))
	}
	if d.holds(now) {
		t.Error("3 of the 7 that others may hear are silent, and it doubts itself")
	}
	d.agreed("9") // which answers
	d.agreed("nobody")
	ask(&d, now.Add(interval), 10, 10)
	if !d.holds(now.Add(interval)) {
		t.Error("all others have fallen silent since, and it does not doubt itself")
	}
}

// One address with a port that answers and one that does not is not silent.
func TestAnAddressIsSilentWhenNoneOfItsPortsAnswers(t *testing.T) {
	var d doubt
	now := time.Now()
	for range 5 {
		now = now.Add(interval / 2)
		ask(&d, now, 4, 0)
		now = now.Add(interval / 2)
		ask(&d, now, 4, 4)
	}
	if d.holds(now) {
		t.Error("it doubts itself although all addresses answer at another port")
	}
}

func TestAddressesThatAreAskedNoMoreAreForgotten(t *testing.T) {
	var d doubt
	now := time.Now()
	ask(&d, now, 10, 0)
	now = now.Add(interval)
	ask(&d, now, 10, 10)
	if now = now.Add(keptIntervals*interval + tidyInterval); d.holds(now) || len(d.addresses) != 0 {
		t.Errorf("%d addresses are remembered", len(d.addresses))
	}
}
