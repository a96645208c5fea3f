package trials

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// The leader is frozen under load, the next one acknowledges writes, and reads of just these wait at the old one's socket
// when it goes on. For a moment it takes itself for the leader still.
func TestALeaderThatWasFrozenAnswersNothingStale(t *testing.T) {
	f := freeze(t, trials(t, 2))
	if f.stale > 0 {
		t.Errorf("%d answers were stale", f.stale)
	}
	if f.fresh == 0 {
		t.Error("nobody got an answer, so this shows nothing")
	}
}

const (
	writers = 24 // the load; the more of it, the more answers of other nodes a frozen leader finds when it goes on
	probes  = 4  // instances that are written while the old leader is frozen
	readers = 32 // who ask it for them
)

// freezing is the sum of some trials.
type freezing struct {
	fresh, stale, refused int // answers
	trialsWithStale       int
}

// freeze freezes the leader of a cluster so many times, and counts the answers of the reads that it finds at its socket.
func freeze(t *testing.T, n int) (f freezing) {
	c := testcluster.StartProcesses(t, 3)
	random := dice.New(t)
	writeProbes(t, c.Nodes[0].HTTP, 0)
	l := startLoad(t, c, writers)
	began := time.Now()
	for trial := range n {
		l.await(20)
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) // any moment
		stale := f.stale
		f.once(t, c, trial+1)
		if f.stale > stale {
			f.trialsWithStale++
		}
		c.AwaitReady()
	}
	l.end()
	for _, p := range c.Nodes {
		l.requireNothingLost(p.HTTP)
	}
	testcluster.RequireSameState(t, c)
	t.Logf("%d trials in %s: of the reads at the frozen leader %d were answered fresh, %d refused, and %d in %d trials answered stale; %d writes acknowledged, %d tries left open and sent again",
		n, time.Since(began).Round(time.Second), f.fresh, f.refused, f.stale, f.trialsWithStale, l.acknowledged(), l.retried())
	return f
}

// once freezes the leader, has the next one acknowledge a version, and asks the old one for it.
func (f *freezing) once(t *testing.T, c *testcluster.Processes, version int) {
	t.Helper()
	old := c.Leader()
	var asking []*reader
	for range readers {
		r := newReader(t, old.HTTP)
		defer r.close()
		asking = append(asking, r)
	}
	old.Pause()
	writeProbes(t, c.Leader().HTTP, version)
	for i, r := range asking {
		r.ask("frozen", probe(i%probes))
	}
	old.Resume()
	for _, r := range asking {
		switch shown, err := r.answer(); {
		case err != nil:
			requireNoAnswer(t, err)
			f.refused++
		case shown == version:
			f.fresh++
		default:
			f.stale++
		}
	}
}

// requireNoAnswer checks that an error is one of those with which a node may refuse a read.
func requireNoAnswer(t *testing.T, err error) {
	t.Helper()
	p, ok := errors.AsType[*wire.Problem](err)
	if !ok || p.Code != wire.CodeNoLeader && p.Code != wire.CodeTimeout {
		t.Errorf("a read ends with %v", err)
	}
}

func probe(i int) string { return fmt.Sprintf("p%d", i) }

// writeProbes has a node acknowledge a version of each probe.
func writeProbes(t *testing.T, node string, version int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for i := range probes {
		body := fmt.Sprintf(`{"address": "10.0.0.8", "port": 8080, "metadata": {"version": "%d"}}`, version)
		err := testcluster.Poll(ctx, func(context.Context) error {
			answer, err := testcluster.Do(ctx, http.MethodPut, node+wire.PathInstance("frozen", probe(i)), body)
			if err == nil && answer.Status >= 300 {
				err = fmt.Errorf("%d %s", answer.Status, answer.Body)
			}
			return err
		})
		if err != nil {
			t.Fatalf("version %d of %s is not acknowledged: %v", version, probe(i), err)
		}
	}
}
