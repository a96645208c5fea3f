package breakers

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const openFor = time.Second

// conduct is how a breaker behaves where something goes wrong. Each tells in a word what it saw of a breaker that opens at
// five failures.
var conduct = []struct {
	what string
	good string
	try  func(t *testing.T, c contender) string
}{
	{"a probe panics", "recovers", func(t *testing.T, c contender) string {
		return afterProbe(t, c, func() error { panic("probe") })
	}},
	{"a probe ends its goroutine", "recovers", func(t *testing.T, c contender) string {
		return afterProbe(t, c, func() error { runtime.Goexit(); return nil })
	}},
	{"a probe never returns", "recovers", func(t *testing.T, c contender) string {
		return afterProbe(t, c, func() error { <-t.Context().Done(); return nil })
	}},
	{"50 callers as it becomes half-open", "1 through", func(t *testing.T, c contender) string {
		g := refuses(c.make(t, settings{openFor: openFor}))
		time.Sleep(2 * openFor)
		var through atomic.Int64
		for range 50 {
			go func() {
				_ = g(func() error { through.Add(1); <-t.Context().Done(); return nil })
			}()
		}
		synctest.Wait()
		return fmt.Sprint(through.Load(), " through")
	}},
	{"calls that were cancelled", "stays closed", func(t *testing.T, c contender) string {
		g := c.make(t, settings{openFor: openFor})
		for range 10 {
			_ = g(func() error { return context.Canceled })
		}
		if g(works) != nil {
			return "OPENS"
		}
		return "stays closed"
	}},
	{"a failure from before, while half-open", "ignored", func(t *testing.T, c contender) string {
		g := c.make(t, settings{openFor: openFor})
		late := make(chan struct{})
		go func() { _ = g(func() error { <-late; return errDown }) }()
		synctest.Wait()
		refuses(g)
		time.Sleep(2 * openFor)
		probe := make(chan struct{})
		go func() { _ = g(func() error { <-probe; return nil }) }() // the breaker is half-open now
		synctest.Wait()
		close(late)
		synctest.Wait()
		close(probe)
		synctest.Wait()
		if g(works) != nil {
			return "REOPENS"
		}
		return "ignored"
	}},
}

// afterProbe has the first probe end as fn does, and tells whether the breaker, over a callee that is well, ever lets
// another call through.
func afterProbe(t *testing.T, c contender, fn func() error) string {
	g := refuses(c.make(t, settings{openFor: openFor}))
	time.Sleep(2 * openFor)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { _ = recover() }()
		_ = g(fn)
	})
	synctest.Wait()
	for range 10 {
		time.Sleep(2 * openFor)
		if g(works) == nil {
			return "recovers"
		}
	}
	return "STUCK"
}

// TestConduct shows a table of all contenders, and demands of ours alone that it is without fault.
func TestConduct(t *testing.T) {
	for _, situation := range conduct {
		for _, c := range inARow {
			t.Run(situation.what+"/"+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					report(t, situation.what, c.name, situation.try(t, c), situation.good)
					time.Sleep(2 * openFor) // for goroutines that sleep through the open time
				})
			})
		}
	}
}

// TestConductOfHooks is apart: where a hook waits for a lock, the time of a bubble stands still.
func TestConductOfHooks(t *testing.T) {
	for _, c := range inARow {
		if c.name == "eapache" {
			continue // has none
		}
		t.Run(c.name, func(t *testing.T) {
			saw := "DEADLOCK"
			hook := func(state func()) {
				read := make(chan struct{})
				go func() { state(); close(read) }()
				select {
				case <-read:
					saw = "reads it"
				case <-time.After(time.Second):
				}
			}
			refuses(c.make(t, settings{openFor: time.Hour, hook: hook}))
			report(t, "a hook reads the state", c.name, saw, "reads it")
		})
	}
}

func report(t *testing.T, what, who, saw, want string) {
	t.Helper()
	t.Logf("%-38s %-10s %s", what, who, saw)
	if who == "muster" && saw != want {
		t.Errorf("want %q", want)
	}
}
