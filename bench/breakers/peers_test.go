package breakers

import (
	"errors"
	"testing"
	"time"

	eapache "github.com/eapache/go-resiliency/breaker"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sony/gobreaker/v2"

	"github.com/musterhq/muster/breaker"
)

// guard is what all breakers have in common: it runs a function, or refuses to.
type guard func(func() error) error

// contender is a breaker as its own documentation has it used.
type contender struct {
	name string
	make func(tb testing.TB, settings settings) guard
}

// settings are those that all contenders know.
type settings struct {
	openFor time.Duration
	hook    func(state func()) // called at each change with something that reads the breaker's state; may be nil
}

// inARow open at five failures in a row.
var inARow = []contender{
	{"muster", func(tb testing.TB, s settings) guard {
		return muster(tb, s, breaker.Config{ConsecutiveFailures: 5})
	}},
	{"gobreaker", func(_ testing.TB, s settings) guard {
		return sony(s, gobreaker.Settings{ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 }})
	}},
	{"failsafe", func(_ testing.TB, s settings) guard {
		return failsafeExecutor(s, circuitbreaker.NewBuilder[any]().WithFailureThreshold(5).WithSuccessThreshold(1))
	}},
	{"eapache", func(_ testing.TB, s settings) guard { return eapache.New(5, 1, s.openFor).Run }},
}

// rate open when half of at least 20 calls of the last 10 s have failed.
var rate = []contender{
	{"muster", func(tb testing.TB, s settings) guard {
		return muster(tb, s, breaker.Config{FailureRate: 0.5, Window: 10 * time.Second, MinCalls: 20})
	}},
	{"gobreaker", func(_ testing.TB, s settings) guard {
		return sony(s, gobreaker.Settings{
			Interval: 10 * time.Second, BucketPeriod: time.Second,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.Requests >= 20 && c.TotalFailures*2 >= c.Requests },
		})
	}},
	{"failsafe", func(_ testing.TB, s settings) guard {
		return failsafeExecutor(s, circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(0.5, 20, 10*time.Second))
	}},
	{"failsafe standalone", func(_ testing.TB, s settings) guard {
		return failsafeAlone(s, circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(0.5, 20, 10*time.Second))
	}},
}

func muster(tb testing.TB, s settings, c breaker.Config) guard {
	c.OpenFor = s.openFor
	var b *breaker.Breaker
	if s.hook != nil {
		c.OnStateChange = func(breaker.Event) { s.hook(func() { b.State() }) }
	}
	b, err := breaker.NewWith(c)
	if err != nil {
		tb.Fatal(err)
	}
	return b.Call
}

func sony(s settings, with gobreaker.Settings) guard {
	with.Timeout = s.openFor
	var b *gobreaker.CircuitBreaker[struct{}]
	if s.hook != nil {
		with.OnStateChange = func(string, gobreaker.State, gobreaker.State) { s.hook(func() { b.State() }) }
	}
	b = gobreaker.NewCircuitBreaker[struct{}](with)
	return func(fn func() error) error {
		_, err := b.Execute(func() (struct{}, error) { return struct{}{}, fn() })
		return err
	}
}

func failsafeBreaker(s settings, with circuitbreaker.Builder[any]) circuitbreaker.CircuitBreaker[any] {
	var b circuitbreaker.CircuitBreaker[any]
	if s.hook != nil {
		with = with.OnStateChanged(func(circuitbreaker.StateChangedEvent) { s.hook(func() { b.State() }) })
	}
	b = with.WithDelay(s.openFor).Build()
	return b
}

func failsafeExecutor(s settings, with circuitbreaker.Builder[any]) guard {
	return failsafe.With(failsafeBreaker(s, with)).Run
}

// failsafeAlone goes without failsafe-go's executor, which costs more than its breaker.
func failsafeAlone(s settings, with circuitbreaker.Builder[any]) guard {
	b := failsafeBreaker(s, with)
	return func(fn func() error) error {
		if !b.TryAcquirePermit() {
			return circuitbreaker.ErrOpen
		}
		err := fn()
		if err != nil {
			b.RecordError(err)
		} else {
			b.RecordSuccess()
		}
		return err
	}
}

var errDown = errors.New("down")

func works() error { return nil }

func fails() error { return errDown }

// refuses opens the breaker by failures, as many as the settings could need.
func refuses(g guard) guard {
	for range 30 {
		_ = g(fails)
	}
	return g
}
