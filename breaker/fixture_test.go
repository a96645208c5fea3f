package breaker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/breaker"
)

// fast has times that are easy to reckon with: it opens at two failures in a row, for a minute.
func fast() breaker.Config {
	return breaker.Config{Name: "payments/p1", ConsecutiveFailures: 2, OpenFor: time.Minute, ProbeLease: 10 * time.Second}
}

// trip opens a breaker of fast.
func trip(t *testing.T, b *breaker.Breaker) {
	t.Helper()
	for range 2 {
		if err := b.Call(fails); !errors.Is(err, errDown) {
			t.Fatalf("a call that should open the breaker: %v", err)
		}
	}
	expectState(t, b, breaker.Open)
}

// tripToHalfOpen opens a breaker of fast and waits until it would let a probe in.
func tripToHalfOpen(t *testing.T, b *breaker.Breaker) {
	t.Helper()
	trip(t, b)
	time.Sleep(time.Minute)
	expectState(t, b, breaker.HalfOpen)
}

func expectState(t *testing.T, b *breaker.Breaker, want breaker.State) {
	t.Helper()
	if got := b.State(); got != want {
		t.Fatalf("the breaker is %v, want %v; it counts %+v", got, want, b.Counts())
	}
}

// allowed takes a permit that the breaker must give.
func allowed(t *testing.T, b *breaker.Breaker) *breaker.Permit {
	t.Helper()
	if !b.Ready() {
		t.Fatalf("the breaker is not ready; it is %v", b.State())
	}
	p, err := b.Allow()
	if err != nil {
		t.Fatalf("a call was refused: %v", err)
	}
	return &p
}

func expectRefused(t *testing.T, b *breaker.Breaker) {
	t.Helper()
	_ = refusal(t, b)
}

// refusal is the error of a call that the breaker must refuse.
func refusal(t *testing.T, b *breaker.Breaker) *breaker.OpenError {
	t.Helper()
	if b.Ready() {
		t.Errorf("the breaker says it is ready, and is %v", b.State())
	}
	err := b.Call(func() error { t.Error("a call went through that should be refused"); return nil })
	refused, ok := errors.AsType[*breaker.OpenError](err)
	if !ok || !errors.Is(err, breaker.ErrOpen) {
		t.Fatalf("the refusal is %v, want an OpenError", err)
	}
	return refused
}

func expectSame[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
