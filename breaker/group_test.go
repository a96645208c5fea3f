package breaker_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/breaker"
)

func newGroup(t *testing.T) *breaker.Group {
	t.Helper()
	c := breaker.DefaultGroupConfig()
	c.Instance = fast()
	g, err := breaker.NewGroup(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestInstancesAndServicesHaveBreakersOfTheirOwn(t *testing.T) {
	g := newGroup(t)
	trip(t, g.Instance("payments", "p1"))
	expectSame(t, refusal(t, g.Instance("payments", "p1")).Name, "payments/p1")
	for _, b := range []*breaker.Breaker{g.Instance("payments", "p2"), g.Instance("orders", "p1"), g.Service("payments")} {
		expectState(t, b, breaker.Closed)
	}
	expectSame(t, g.Service("payments").Name(), "payments")
	for range 200 { // takes more than what opens the breaker of an instance
		_ = g.Service("payments").Call(fails)
	}
	expectState(t, g.Service("payments"), breaker.Open)

	var keys []string
	for key, b := range g.All() {
		keys = append(keys, fmt.Sprint(key, " ", b.State()))
	}
	slices.Sort(keys)
	expectSame(t, keys, []string{"orders/p1 closed", "payments open", "payments/p1 open", "payments/p2 closed"})
	for range g.All() {
		break
	}
}

func TestAnInstanceThatIsForgottenBeginsAnew(t *testing.T) {
	g := newGroup(t)
	trip(t, g.Instance("payments", "p1"))
	g.Forget(breaker.Key{Service: "payments", Instance: "p1"})
	expectSame(t, g.Len(), 0)
	expectState(t, g.Instance("payments", "p1"), breaker.Closed)
}

func TestBreakersThatNobodyAsksForAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t)
		kept := g.Instance("payments", "kept")
		for day := range 100 {
			for i := range 10 {
				g.Instance("payments", fmt.Sprint(day, "-", i))
			}
			for range 24 {
				time.Sleep(time.Hour)
				if g.Instance("payments", "kept") != kept {
					t.Fatal("a breaker in use was dropped")
				}
			}
		}
		if g.Len() > 21 { // those of today and yesterday
			t.Errorf("the group has %d breakers", g.Len())
		}
	})
}

func TestAGroupThatMakesNoSenseIsRefused(t *testing.T) {
	_, err := breaker.NewGroup(breaker.GroupConfig{Idle: -1})
	if !errors.Is(err, breaker.ErrInvalid) {
		t.Fatal(err)
	}
	const want = `of an instance: invalid configuration of a circuit breaker: ConsecutiveFailures: nothing opens the breaker: set this, FailureRate or SlowRate
of a service: invalid configuration of a circuit breaker: ConsecutiveFailures: nothing opens the breaker: set this, FailureRate or SlowRate
invalid configuration of a circuit breaker: Idle: is -1ns: use 0 for 10m0s`
	expectSame(t, err.Error(), want)
}
