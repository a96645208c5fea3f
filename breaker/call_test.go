package breaker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/breaker"
)

// waysToCall guard a function with a breaker in all ways there are.
var waysToCall = map[string]func(context.Context, *breaker.Breaker, func() error) error{
	"Call": func(_ context.Context, b *breaker.Breaker, fn func() error) error {
		return b.Call(fn)
	},
	"CallContext": func(ctx context.Context, b *breaker.Breaker, fn func() error) error {
		return b.CallContext(ctx, func(context.Context) error { return fn() })
	},
	"Do": func(_ context.Context, b *breaker.Breaker, fn func() error) error {
		_, err := breaker.Do(b, func() (int, error) { return 0, fn() })
		return err
	},
	"DoContext": func(ctx context.Context, b *breaker.Breaker, fn func() error) error {
		_, err := breaker.DoContext(ctx, b, func(context.Context) (int, error) { return 0, fn() })
		return err
	},
}

func TestAllWaysToCallAreGuardedAlike(t *testing.T) {
	for name, call := range waysToCall {
		t.Run(name, func(t *testing.T) {
			b := with(t, fast())
			if err := call(t.Context(), b, works); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := call(t.Context(), b, fails); !errors.Is(err, errDown) {
					t.Fatal(err)
				}
			}
			err := call(t.Context(), b, func() error { t.Error("it was called"); return nil })
			if !errors.Is(err, breaker.ErrOpen) {
				t.Fatal(err)
			}
		})
	}
}

func TestAValueIsPassedOnAlsoWithAnError(t *testing.T) {
	b := with(t, fast())
	half := func() (string, error) { return "half", errDown }
	if v, err := breaker.Do(b, half); v != "half" || !errors.Is(err, errDown) {
		t.Error(v, err)
	}
	v, err := breaker.DoContext(t.Context(), b, func(context.Context) (string, error) { return half() })
	if v != "half" || !errors.Is(err, errDown) {
		t.Error(v, err)
	}
	if v, err := breaker.Do(b, half); v != "" || !errors.Is(err, breaker.ErrOpen) {
		t.Error(v, err)
	}
}

func TestACallWhoseContextHasEndedIsNotMade(t *testing.T) {
	b := with(t, fast())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"CallContext", "DoContext"} {
		err := waysToCall[name](ctx, b, func() error { t.Error("it was called"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	expectSame(t, b.Counts(), breaker.Counts{})
}

func TestADeadlineThatPassesIsAFailureAndACancelledSuccessIsASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := with(t, fast())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = b.CallContext(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		expectSame(t, b.Counts(), breaker.Counts{InARow: 1})

		ctx, cancel = context.WithCancel(t.Context())
		_ = b.CallContext(ctx, func(context.Context) error { cancel(); return nil })
		expectSame(t, b.Counts(), breaker.Counts{})
	})
}

func TestAClassifierDecidesWhatAnErrorMeans(t *testing.T) {
	notFound := errors.New("not found")
	c := fast()
	c.Classify = func(err error) breaker.Outcome {
		if errors.Is(err, notFound) {
			return breaker.Success
		}
		return breaker.Classify(err)
	}
	b := with(t, c)
	_ = b.Call(fails)
	_ = b.Call(func() error { return notFound })
	expectSame(t, b.Counts(), breaker.Counts{})
	trip(t, b)
}

func TestAPermitCountsOnce(t *testing.T) {
	b := with(t, fast())
	p := allowed(t, b)
	if !p.Done(errDown) || p.Done(errDown) || p.Report(breaker.Failure) {
		t.Error("it should count the first time only")
	}
	expectSame(t, b.Counts(), breaker.Counts{InARow: 1})
	if allowed(t, b).Report(breaker.Neutral); b.Counts().InARow != 1 {
		t.Error("what was given up counted")
	}
	if new(breaker.Permit).Done(nil) {
		t.Error("a permit that nobody gave counted")
	}
}

func TestGuardedCallsAllocateNothing(t *testing.T) {
	for name, b := range quick(t) {
		if n := testing.AllocsPerRun(1000, func() { _ = b.Call(works) }); n != 0 {
			t.Errorf("%s: %v allocations a call", name, n)
		}
	}
}
