package testcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/overlay"
)

// clockVariable names, to a program with a clock of its own, the file that says how that goes.
const clockVariable = "MUSTER_TEST_CLOCK"

// A Clock is how far the wall clock of a process is ahead of the machine's, and how much faster it goes: 0.05 gains three
// seconds a minute.
type Clock struct {
	Ahead time.Duration
	Drift float64
}

// OwnClocks is an overlay with which the wall clock of a program can be set while it runs, by [Process.SetClock]. No
// library can do that to a program in Go, and no namespace has a wall clock; so the standard library is built anew, which
// takes a minute or two. As with a machine's clock that is set, what measures time by the monotonic clock does not notice.
func OwnClocks(t testing.TB, root string) string {
	t.Helper()
	return overlay.Write(t, root, []overlay.Change{
		{
			File: filepath.Join(runtime.GOROOT(), "src/time/time.go"), //nolint:staticcheck // the tests run where they were built
			Old:  "\tsec, nsec, mono := runtimeNow()\n",
			New: "\tsec, nsec, mono := runtimeNow()\n" +
				"\twall := sec*1e9 + int64(nsec) + TestAhead.Load()\n\tsec, nsec = wall/1e9, int32(wall%1e9)\n",
		},
		{
			File: filepath.Join(runtime.GOROOT(), "src/time/test_ahead.go"), //nolint:staticcheck // as above
			New: `package time

import "sync/atomic"

// TestAhead is how many nanoseconds the wall clock is ahead of the machine's.
var TestAhead atomic.Int64
`,
		},
		{File: "cmd/muster/own_clock.go", New: ownClock},
	})
}

// SetClock sets the wall clock of a process, at once if it runs. From then on, or from its start on, it needs a program
// with [OwnClocks].
func (p *Process) SetClock(c Clock) {
	p.t.Helper()
	p.clock = p.DataDir + ".clock"
	text := fmt.Sprintf("%d %g %d", c.Ahead, c.Drift, time.Now().UnixNano())
	// By a rename, so that nobody reads a half of it.
	if err := os.WriteFile(p.clock+".new", []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(p.clock+".new", p.clock); err != nil {
		p.t.Fatal(err)
	}
}

// ownClock is the part of such a program that follows the file. It looks at it before main begins, and every few
// milliseconds from then on.
const ownClock = `package main

import (
	"fmt"
	"os"
	"time"
)

func init() {
	followClock()
	go func() {
		for range time.Tick(5 * time.Millisecond) {
			followClock()
		}
	}()
}

func followClock() {
	text, err := os.ReadFile(os.Getenv("` + clockVariable + `"))
	if err != nil {
		panic(err)
	}
	var ahead, since int64
	var drift float64
	if _, err := fmt.Sscan(string(text), &ahead, &drift, &since); err != nil {
		panic(err)
	}
	machine := time.Now().UnixNano() - time.TestAhead.Load()
	time.TestAhead.Store(ahead + int64(drift*float64(machine-since)))
}
`
