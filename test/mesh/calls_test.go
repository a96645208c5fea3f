package mesh

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/musterhq/muster/client/mesh"
	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
)

// size says how much of everything there is.
type size struct {
	instances, callsPerSecond int
	restarts, kills           int
	ttl                       time.Duration
	down                      time.Duration // how long the registry's nodes are away
	drain                     time.Duration // how long an instance waits for those who watch, at most
}

// sizeOf is a small one, unless MUSTER_MESH asks for so many instances.
func sizeOf(t *testing.T) size {
	n := int(dice.Number(t, "MUSTER_MESH", 0))
	if n == 0 {
		return size{instances: 6, callsPerSecond: 200, restarts: 6, kills: 6, ttl: 3 * time.Second, down: 2 * time.Second,
			drain: 500 * time.Millisecond}
	}
	return size{instances: n, callsPerSecond: 25 * n, restarts: n, kills: n, ttl: 3 * time.Second, down: 10 * time.Second,
		drain: 10 * time.Second}
}

// town is a registry of three nodes, and the instances of a service.
type town struct {
	size
	cluster *testcluster.Processes
	fleet   *fleet
}

func newTown(t *testing.T) town {
	t.Helper()
	w := town{size: sizeOf(t), cluster: testcluster.StartProcesses(t, 3)}
	w.fleet = startFleet(t, w.cluster, w.size)
	return w
}

// Each instance drains and shuts down, without a pause between the two, and the next one begins.
func TestARollingRestartFailsNoCall(t *testing.T) {
	w := newTown(t)
	l := startLoad(t, w.fleet.job.Nodes, w.callsPerSecond)
	l.run(w.callsPerSecond)
	began := time.Now()
	for n := range w.restarts {
		w.fleet.restart(n % w.instances)
		l.run(w.callsPerSecond / 10)
	}
	took := time.Since(began)
	l.run(w.callsPerSecond)
	paid := l.stop()
	w.fleet.stop()
	paid.requireNoFailure(t)
	w.fleet.requireOnce(paid)
	t.Logf("%d instances restarted one after another in %s: %s", w.restarts, took.Round(time.Millisecond), paid)
}

// What a killed instance had begun can't be known, so a POST that was sent is not sent again. All else goes on.
func TestAKilledInstanceFailsOnlyWhatMustNotBeRepeated(t *testing.T) {
	w := newTown(t)
	random := dice.New(t)
	l := startLoad(t, w.fleet.job.Nodes, w.callsPerSecond)
	l.run(w.callsPerSecond)
	for range w.kills {
		w.fleet.replaceKilled(random.IntN(w.instances))
		l.run(w.callsPerSecond / 5)
	}
	l.run(w.callsPerSecond)
	paid := l.stop()
	w.fleet.stop()
	for _, one := range paid.failed {
		try, ok := errors.AsType[*mesh.TryError](one.err)
		if one.method != "POST" || !ok || !w.fleet.killed[try.Instance] {
			t.Errorf("a %s failed: %v", one.method, one.err)
		}
	}
	w.fleet.requireOnce(paid)
	t.Logf("%d instances killed: %s; all of the failed are POSTs that were sent to an instance that was killed, %d of which it had begun",
		w.kills, paid, w.fleet.begun(paid.failed))
}

// Calls need no registry. Registrations need none for a while, and take it up again by themselves.
func TestTheRegistryMayBeGone(t *testing.T) {
	w := newTown(t)
	g := startGauge(t, w.cluster)
	l := startLoad(t, w.fleet.job.Nodes, w.callsPerSecond)
	l.run(2 * w.callsPerSecond)

	leader := w.cluster.Leader()
	leader.Kill()
	l.run(w.callsPerSecond * int(w.down/time.Second))
	leader.Start()
	w.cluster.AwaitReady()

	for _, p := range w.cluster.Nodes {
		p.Kill()
	}
	l.run(w.callsPerSecond * int(w.down/time.Second))
	for _, p := range w.cluster.Nodes {
		p.Start()
	}
	w.cluster.AwaitReady()
	resumed := w.requireHeartbeats(t, time.Now())
	l.run(w.callsPerSecond)

	paid := l.stop()
	g.stop()
	w.fleet.stop()
	paid.requireNoFailure(t)
	w.fleet.requireOnce(paid)
	beats := 3 * w.instances * int(time.Second) / int(w.ttl)
	if most := 5*beats + 20; g.highest > most {
		t.Errorf("the registry was asked %d times in a second, where there are %d heartbeats in one: want at most %d", g.highest, beats, most)
	}
	t.Logf("the leader was killed, then all nodes: %s; the last heartbeat resumed %s after the nodes were ready; %d requests came to the registry, at most %d in a second, of %d instances with a beat each %s",
		paid, resumed.Round(time.Millisecond), g.total, g.highest, w.instances, w.ttl/3)
}

// requireHeartbeats waits until all instances have sent a heartbeat since, which is two beats at most, and returns how long
// that took.
func (w town) requireHeartbeats(t *testing.T, since time.Time) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last time.Time
	for _, i := range w.fleet.instances {
		err := testcluster.Poll(ctx, func(ctx context.Context) error {
			at, err := i.lastHeartbeat(ctx)
			if err == nil && !at.After(since) {
				err = errors.New("no heartbeat")
			}
			if at.After(last) {
				last = at
			}
			return err
		})
		if err != nil {
			t.Fatalf("%s after the nodes were ready, %s: %v", time.Since(since), i.id, err)
		}
	}
	took := last.Sub(since)
	if limit := 2 * w.ttl / 3; took > limit {
		t.Errorf("the last heartbeat came %s after the nodes were ready, want %s", took, limit)
	}
	return took
}
