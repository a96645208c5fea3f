package cluster

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/fault"
)

// A follower hears that an entry is committed and applies it, while the leader's own state machine is not that far. Whoever
// has seen the entry there is no stranger.
func TestAHorizonCoversWhatAFollowerHasAppliedBeforeTheLeader(t *testing.T) {
	t.Parallel()
	c := gather(t, 3)
	c.commit("before")
	leader := c.leader()
	follower := c.others(leader)[0]
	before := leader.journal.Applied()
	release := leader.journal.hold()
	defer release()
	go func() { _, _ = leader.Commit(soon(t), []byte("x")) }()
	eventually.Succeeds(t, patience, func() error {
		if follower.journal.Applied() <= before {
			return errors.New("the follower has not applied it")
		}
		return nil
	})
	seen := follower.journal.Applied()
	for _, n := range c.nodes {
		horizon, err := n.Horizon(soon(t))
		if err != nil || horizon < seen {
			t.Errorf("%s: the horizon is %d (%v), and a follower has applied %d", n.config.Label, horizon, err, seen)
		}
		if read, err := n.ReadIndex(soon(t)); err != nil || read > before {
			t.Errorf("%s: the read index is %d (%v), so this test shows nothing", n.config.Label, read, err)
		}
	}
}

// The log ends with the barrier of the new leader, which no state machine ever gets to see.
func TestAHorizonMayLieBeyondAllThatIsEverApplied(t *testing.T) {
	t.Parallel()
	n := gather(t, 1).leader()
	index := n.commit("x")
	if err := n.raft.Barrier(patience).Error(); err != nil {
		t.Fatal(err)
	}
	horizon, err := n.Horizon(soon(t))
	if read, err := n.ReadIndex(soon(t)); err != nil || read != index {
		t.Errorf("the read index is %d (%v), not %d", read, err, index)
	}
	if err != nil || horizon <= index || horizon != n.raft.CommitIndex() {
		t.Errorf("the horizon is %d (%v); committed is %d", horizon, err, n.raft.CommitIndex())
	}
}

func TestALeaderThatIsCutOffKnowsNoHorizon(t *testing.T) {
	t.Parallel()
	c := gather(t, 3)
	c.commit("before")
	old := c.leader()
	for _, n := range c.others(old) {
		c.wires.part(old.config.Label, n.config.Label)
	}
	if horizon, err := old.Horizon(soon(t)); !errors.Is(err, fault.ErrNoLeader) {
		t.Errorf("the leader that was cut off names %d (%v)", horizon, err)
	}
	after := c.commitOn(c.others(old), "after")
	for _, n := range c.others(old) {
		if horizon, err := n.Horizon(soon(t)); err != nil || horizon < after {
			t.Errorf("%s: the horizon is %d (%v), committed %d", n.config.Label, horizon, err, after)
		}
	}
}

func TestReadIndexesAndHorizonsShareTheirRounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rounds := 0
		m := &Member{config: Config{Multiplier: 1}, leadership: newLeadership()}
		m.rounds = newCoalescer(func(context.Context) (confirmation, error) {
			rounds++
			time.Sleep(time.Second)
			return confirmation{applied: 3, committed: 5}, nil
		})
		defer m.rounds.close()
		var asking sync.WaitGroup
		for range 10 {
			asking.Go(func() {
				if read, err := m.ReadIndex(t.Context()); read != 3 || err != nil {
					t.Errorf("the read index is %d, %v", read, err)
				}
			})
			asking.Go(func() {
				if horizon, err := m.Horizon(t.Context()); horizon != 5 || err != nil {
					t.Errorf("the horizon is %d, %v", horizon, err)
				}
			})
		}
		asking.Wait()
		if rounds > 2 {
			t.Errorf("%d rounds", rounds)
		}
	})
}
