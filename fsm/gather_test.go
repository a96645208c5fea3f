package fsm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// fakeLog commits entries one by one to a machine, each after a while.
type fakeLog struct {
	machine *Machine
	delay   time.Duration
	err     error // of every commit

	commands int // that all nodes read; 0 is what this muster reads

	mu      sync.Mutex
	entries []command
}

// Commands is what this muster reads, where the test does not say otherwise.
func (l *fakeLog) Commands() int { return cmp.Or(l.commands, commandVersion) }

func (l *fakeLog) Commit(ctx context.Context, entry []byte) (any, error) {
	time.Sleep(l.delay)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	c, err := decodeCommand(entry)
	if err != nil {
		return nil, err
	}
	l.entries = append(l.entries, c)
	return l.machine.Apply(&raft.Log{Index: uint64(len(l.entries)), Type: raft.LogCommand, Data: entry}), nil
}

// gathering runs a gatherer in fake time while f submits to it.
func gathering(t *testing.T, log *fakeLog, f func(t *testing.T, g *gatherer)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		g := newGatherer(log, "leader")
		var running sync.WaitGroup
		running.Go(func() { g.run(ctx) })
		f(t, g)
		stop()
		running.Wait()
	})
}

func submit(ctx context.Context, g *gatherer, ops ...registry.Operation) reply {
	return g.submit(ctx, proposeWrite(writeOf(ops...), encodeWrite(writeOf(ops...))))
}

func TestWritesThatArriveTogetherShareAnEntryAndNoneWaitsWhileIdle(t *testing.T) {
	log := &fakeLog{machine: newMachine(), delay: 5 * time.Millisecond}
	gathering(t, log, func(t *testing.T, g *gatherer) {
		start := time.Now()
		submit(t.Context(), g, registerOp("orders", "first", "1"))
		if took := time.Since(start); took != log.delay {
			t.Errorf("a write that came alone took %s, its commit %s", took, log.delay)
		}
		var writers sync.WaitGroup
		for i := range 500 {
			writers.Go(func() {
				if r := submit(t.Context(), g, registerOp("orders", fmt.Sprint(i), "1")); r.err != nil {
					t.Error(r.err)
				}
			})
		}
		writers.Wait()
	})
	if n := len(log.entries); n > 4 {
		t.Errorf("500 writes at once took %d entries", n)
	}
}

func TestTwoWritesOnOneInstanceNeverShareAnIndex(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		writes := make([]Write, rapid.IntRange(2, 30).Draw(rt, "writes"))
		for i := range writes {
			seen := map[target]bool{}
			for range rapid.IntRange(1, 3).Draw(rt, "operations") {
				service, id := "orders", fmt.Sprintf("i%d", rapid.IntRange(1, 3).Draw(rt, "id"))
				if t := (target{service, id}); !seen[t] {
					seen[t] = true
					writes[i].Operations = append(writes[i].Operations, registerOp(service, id, fmt.Sprint(i)))
				}
			}
		}
		log := &fakeLog{machine: newMachine(), delay: time.Duration(rapid.IntRange(0, 3).Draw(rt, "delay")) * time.Millisecond}
		var mu sync.Mutex
		used := map[target]map[uint64]bool{}
		gathering(t, log, func(t *testing.T, g *gatherer) {
			var writers sync.WaitGroup
			for _, w := range writes {
				writers.Go(func() {
					r := g.submit(t.Context(), proposeWrite(w, encodeWrite(w)))
					if r.err != nil {
						t.Error(r.err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					for _, op := range w.Operations {
						service, id := op.Target()
						key := target{service, id}
						if used[key] == nil {
							used[key] = map[uint64]bool{}
						}
						if used[key][r.outcome.Index] {
							t.Errorf("instance %s changed twice at index %d", id, r.outcome.Index)
						}
						used[key][r.outcome.Index] = true
					}
				})
			}
			writers.Wait()
		})
	})
}

func TestAnIfMatchWithAnOverwrittenIndexFailsAlsoWhenGatheredWithTheOverwriting(t *testing.T) {
	log := &fakeLog{machine: newMachine(), delay: time.Millisecond}
	gathering(t, log, func(t *testing.T, g *gatherer) {
		created := submit(t.Context(), g, registerOp("orders", "i1", "0")).outcome.Index
		var writers sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 20 {
			writers.Go(func() {
				op := registerOp("orders", "i1", fmt.Sprint(i+1))
				op.If.Match = created
				r := submit(t.Context(), g, op)
				if r.err != nil && !errors.Is(r.err, registry.ErrPreconditionFailed) {
					t.Error(r.err)
				}
				mu.Lock()
				defer mu.Unlock()
				if r.err == nil {
					won++
				}
			})
		}
		writers.Wait()
		if won != 1 {
			t.Errorf("%d of 20 writers that had seen index %d overwrote it", won, created)
		}
	})
}

func TestACallerThatGivesUpInTheQueueHasNotWritten(t *testing.T) {
	log := &fakeLog{machine: newMachine(), delay: time.Second}
	gathering(t, log, func(t *testing.T, g *gatherer) {
		var writers sync.WaitGroup
		for i := range maxInFlight {
			writers.Go(func() { submit(t.Context(), g, registerOp("orders", fmt.Sprint(i), "1")) })
			synctest.Wait()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		r := submit(ctx, g, registerOp("orders", "impatient", "1"))
		if !errors.Is(r.err, fault.ErrTimeout) || fault.IsUnknown(r.err) {
			t.Errorf("error %v", r.err)
		}
		writers.Wait()
	})
	if log.machine.Publisher().State().Len() != maxInFlight {
		t.Error("a write that was given up was applied")
	}
}

func TestACallerThatGivesUpAfterThatDoesNotKnow(t *testing.T) {
	log := &fakeLog{machine: newMachine(), delay: time.Second}
	gathering(t, log, func(t *testing.T, g *gatherer) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if r := submit(ctx, g, registerOp("orders", "i1", "1")); !fault.IsUnknown(r.err) {
			t.Errorf("error %v", r.err)
		}
		time.Sleep(2 * time.Second)
	})
	if log.machine.Publisher().State().Len() != 1 {
		t.Error("the write was under way and is lost")
	}
}

func TestTooManyWaitingWritesAreRefused(t *testing.T) {
	g := newGatherer(&fakeLog{machine: newMachine()}, "leader") // nobody runs it
	g.queue = make([]*pending, maxQueued)
	if r := submit(t.Context(), g, registerOp("orders", "i1", "1")); !errors.Is(r.err, fault.ErrOverloaded) {
		t.Errorf("error %v", r.err)
	}
}

func TestAFailedCommitFailsEveryWriteInTheEntry(t *testing.T) {
	log := &fakeLog{machine: newMachine(), err: cluster.ErrNotLeader}
	gathering(t, log, func(t *testing.T, g *gatherer) {
		for _, id := range []string{"i1", "i2"} {
			if r := submit(t.Context(), g, registerOp("orders", id, "1")); !errors.Is(r.err, cluster.ErrNotLeader) {
				t.Errorf("error %v", r.err)
			}
		}
	})
}

// A write that nobody waits for any more must not hold up one that somebody waits for: if nothing went into the next entry,
// nobody would look at the queue again before another write comes.
func TestAWriteIsNotHeldUpByOneThatWasGivenUp(t *testing.T) {
	g := newGatherer(&fakeLog{machine: newMachine()}, "leader") // nobody runs it
	same := proposal{targets: []target{{"orders", "same"}}}
	patient := &pending{proposal: same}
	g.queue = []*pending{{proposal: same, taken: true}, patient}
	if batch := g.take(); len(batch) != 1 || batch[0] != patient {
		t.Errorf("%d writes go into the next entry, and not the one that is waited for", len(batch))
	}
	if len(g.queue) != 0 {
		t.Errorf("%d writes stay in the queue", len(g.queue))
	}
}

func TestAWriteThatComesAfterTheEndIsRefusedAtOnce(t *testing.T) {
	log := &fakeLog{machine: newMachine()}
	var g *gatherer
	gathering(t, log, func(_ *testing.T, running *gatherer) { g = running })
	if r := submit(t.Context(), g, registerOp("orders", "i1", "1")); !errors.Is(r.err, cluster.ErrNotLeader) || fault.IsUnknown(r.err) {
		t.Errorf("error %v", r.err)
	}
}

// A node that does not know what an entry needs must stop rather than skip it, so the entry has to say what that is.
// A node that can't read an entry stops, so none is written that one of them can't read.
func TestAWriteThatNotEveryNodeReadsIsRefused(t *testing.T) {
	judgement := Write{Term: 1, Operations: []registry.Operation{registry.JudgeCheck{Service: "orders", ID: "i4"}}}
	for _, c := range []struct {
		read    int
		what    Write
		refused bool
	}{
		{judgedVersion - 1, judgement, true},
		{judgedVersion, judgement, false},
		{1, keyed("k1", registerOp("orders", "i2", "1")), false}, // nodes that tell nothing read these
	} {
		g := newGatherer(&fakeLog{commands: c.read}, "leader")
		err := g.readable(proposeWrite(c.what, encodeWrite(c.what)))
		if refused := errors.Is(err, fault.ErrConflict) && !fault.IsUnknown(err); refused != c.refused || err != nil && !refused {
			t.Errorf("where all nodes read version %d: %v", c.read, err)
		}
	}
}

func TestAnEntryHasTheLowestVersionThatItsWritesNeed(t *testing.T) {
	plain, withKey := writeOf(registerOp("orders", "i1", "1")), keyed("k1", registerOp("orders", "i2", "1"))
	decision := Write{Term: 1, Operations: []registry.Operation{registerOp("orders", "i3", "1")}}
	judgement := Write{Term: 1, Operations: []registry.Operation{registry.JudgeCheck{Service: "orders", ID: "i4"}}}
	for _, c := range []struct {
		writes []Write
		want   byte
	}{
		{[]Write{plain}, writeVersion},
		{[]Write{plain, withKey}, keyedVersion},
		{[]Write{withKey, decision, plain}, fencedVersion},
		{[]Write{judgement, decision}, judgedVersion},
	} {
		g := newGatherer(&fakeLog{}, "leader")
		var batch []*pending
		for _, w := range c.writes {
			batch = append(batch, &pending{proposal: proposeWrite(w, encodeWrite(w))})
		}
		b, err := record.Unframe(g.encode(batch))
		if err != nil || b[0] != c.want {
			t.Errorf("%d writes have version %d, want %d; error %v", len(c.writes), b[0], c.want, err)
		}
	}
}
