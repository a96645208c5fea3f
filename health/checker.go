package health

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

// Checker asks the instances of a registry in memory how they are, and reports it to the registry.
type Checker struct {
	reg     *registry.Registry
	check   registry.Check
	running atomic.Bool
}

// New returns a Checker of a registry. It asks instances without checks for GET /health on their own address and port at
// each interval, and gives them the time-out to answer with a code from 200 to 299; those with checks are asked these.
//
// The first answer decides at once; after that an instance is healthy with one good answer, and unhealthy after three bad
// ones in a row. An interval that is not positive is 10 s, a time-out that is not positive 2 s; it is no longer than the
// interval.
func New(reg *registry.Registry, interval, timeout time.Duration) *Checker {
	if interval <= 0 {
		interval = registry.DefaultCheckInterval
	}
	if timeout <= 0 {
		timeout = registry.DefaultCheckTimeout
	}
	return &Checker{reg: reg, check: registry.Check{
		Type: registry.CheckHTTP, Method: registry.DefaultCheckMethod, Path: registry.DefaultCheckPath,
		Interval: registry.Duration(interval), Timeout: registry.Duration(min(timeout, interval)),
		Rise: registry.DefaultCheckRise, Fall: registry.DefaultCheckFall,
	}}
}

// Start checks until ctx ends, and returns nil then, with nothing left behind. It fails where it is running already.
//
// Checks go to loopback and to private networks, but not to link-local addresses; see [probe.Guard].
func (c *Checker) Start(ctx context.Context) error {
	if c.running.Swap(true) {
		return errors.New("the checker is running already")
	}
	defer c.running.Store(false)
	prober := probe.New(probe.Config{Guard: probe.Guard{Loopback: true}})
	defer prober.Close()
	c.run(ctx, prober)
	return nil
}

func (c *Checker) run(ctx context.Context, prober Prober) {
	rounds := NewRounds(RoundsConfig{Prober: prober, Hear: c.report, Default: &c.check})
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { c.follow(ctx, rounds) })
	rounds.Run(ctx)
}

// follow has the rounds hear of what changes in the registry.
func (c *Checker) follow(ctx context.Context, rounds *Rounds) {
	var last *registry.State
	for state := range c.reg.Follow(ctx) {
		if changes, ok := between(last, state); ok {
			rounds.Applied(changes)
		} else {
			rounds.Replaced(state)
		}
		last = state
	}
}

// report tells the registry what it does not show yet. That an instance has gone meanwhile, or the check has, is no mistake.
func (c *Checker) report(a Answer) {
	i, err := c.reg.State().Instance(a.Instance.Service, a.Instance.ID)
	if err != nil || i.Incarnation != a.Instance.Incarnation {
		return // The rounds are about to hear of it.
	}
	name := a.Target.Check.Name
	was := checkOf(i, name)
	is := registry.Report{Status: a.Judgement, Output: a.Result.Output}
	if a.Judgement == registry.Unknown && name == "" {
		return // The instance counts as healthy until somebody knows better.
	}
	if is.Status == registry.Warning && name == "" {
		is.Status = registry.Healthy // only checks have warnings
	}
	if is.Status != was.Status || is.Output != was.Output {
		_ = c.reg.Report(i.Service, i.ID, name, is)
	}
}
