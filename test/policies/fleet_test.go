package policies

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/child"
	"github.com/musterhq/muster/registry"
)

// service is what the callers call.
const service = "work"

// fleet says how many processes there are, and what they have to do.
type fleet struct {
	callers, servers int
	mean             time.Duration // of serving a call
	load             float64       // what is asked of the servers, as a share of what they can do while none is slow
	warmup, length   time.Duration
}

// callsPerSecond is how many calls all callers make together.
func (f fleet) callsPerSecond() float64 {
	return f.load * float64(f.servers*workers) / f.mean.Seconds()
}

// startIn is how long after the last process got its job the first call is made.
const startIn = 200 * time.Millisecond

// run has all calls of a strategy made in a scenario, by processes of their own.
func (f fleet) run(t *testing.T, strategy string, s scenario) figures {
	t.Helper()
	var servers, callers []*child.Process
	var instances []registry.Instance
	for range f.servers {
		servers = append(servers, child.Start(t, roleServer))
	}
	for range f.callers {
		callers = append(callers, child.Start(t, roleCaller))
	}
	for i, p := range servers {
		var at netip.AddrPort
		must(t, p.Hear(&at))
		instances = append(instances, registry.Instance{Service: service, ID: fmt.Sprintf("w%02d", i), Address: at.Addr().String(),
			Port: int(at.Port()), Weight: 100, Status: registry.Healthy})
	}
	for _, p := range callers {
		must(t, p.Hear(new(string)))
	}

	begin := time.Now().Add(startIn + f.warmup)
	for i, p := range servers {
		must(t, p.Tell(serverJob{Mean: f.mean, Part: part{Scenario: s, Server: i, Servers: f.servers, Begin: begin, Length: f.length}}))
	}
	for _, p := range callers {
		must(t, p.Tell(callerJob{Strategy: strategy, Instances: instances, Rate: f.callsPerSecond() / float64(f.callers),
			Warmup: f.warmup, Begin: begin, Length: f.length}))
	}
	busy := busyBetween(t, begin, begin.Add(f.length))
	var all calls
	for _, p := range callers {
		var found calls
		must(t, p.Hear(&found))
		all.Took, all.Lost = append(all.Took, found.Took...), all.Lost+found.Lost
		must(t, p.End())
	}
	for _, p := range servers {
		must(t, p.End())
	}
	return figuresOf(strategy, all, busy)
}

// busyBetween waits, and tells how busy the processors were meanwhile.
func busyBetween(t *testing.T, begin, end time.Time) float64 {
	t.Helper()
	time.Sleep(time.Until(begin))
	before, err := readProcessors()
	time.Sleep(time.Until(end))
	after, err2 := readProcessors()
	must(t, errors.Join(err, err2))
	return after.busySince(before)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
