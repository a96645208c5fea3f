package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/fault"
)

func TestAReadOnAnyNodeCoversWhatWasCommittedBefore(t *testing.T) {
	t.Parallel()
	c := gather(t, 3)
	for i := range 20 {
		index := c.commit(fmt.Sprint(i))
		for _, n := range c.nodes {
			read, err := n.ReadIndex(soon(t))
			if err != nil || read < index {
				t.Fatalf("%s: read index %d (%v), committed %d", n.config.Label, read, err, index)
			}
		}
	}
}

func TestALeaderThatIsCutOffConfirmsNothing(t *testing.T) {
	t.Parallel()
	c := gather(t, 3)
	before := c.commit("before")
	old := c.leader()
	for _, n := range c.others(old) {
		c.wires.part(old.config.Label, n.config.Label)
	}
	began := time.Now()
	if index, err := old.ReadIndex(soon(t)); !errors.Is(err, fault.ErrNoLeader) {
		t.Errorf("the leader that was cut off confirms %d (%v)", index, err)
	}
	if took := time.Since(began); took > readPatience+3*roundTimeout {
		t.Errorf("to say so took %v", took)
	}

	after := c.commitOn(c.others(old), "after")
	for _, n := range c.others(old) {
		if read, err := n.ReadIndex(soon(t)); err != nil || read < after {
			t.Errorf("%s: read index %d (%v), committed %d", n.config.Label, read, err, after)
		}
	}
	if read, err := old.confirmAsLeader(t.Context()); err == nil {
		t.Errorf("the old leader confirms %d", read)
	}
	if applied := old.journal.Applied(); applied >= after || applied < before {
		t.Errorf("the old leader has applied %d, which stood at %d", applied, before)
	}

	c.wires.heal()
	eventually.Succeeds(t, patience, func() error {
		read, err := old.ReadIndex(soon(t))
		if err == nil && read < after {
			t.Fatalf("after the cut it reads at %d, committed is %d", read, after)
		}
		return err
	})
}

// The old leader is cut off from the other voters, but not from two read replicas. Raft's own check would take their answers
// for those of a majority.
func TestReadReplicasDoNotConfirmALeader(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, func(c *Config) {
		if c.Label == "n2" {
			c.Tune = func(r *raft.Config) { // it takes long to notice that nobody follows it
				r.HeartbeatTimeout, r.ElectionTimeout, r.LeaderLeaseTimeout = patience, patience, patience
			}
		}
	})
	replica := func(c *Config) { c.NonVoter = true }
	replicas := []*node{c.add("r1", replica).start().belongs(), c.add("r2", replica).start().belongs()}
	old, voters := c.nodes[1], []*node{c.nodes[0], c.nodes[2]}
	eventually.Succeeds(t, patience, func() error {
		if old.Leads() {
			return nil
		}
		_ = c.leader().raft.LeadershipTransferToServer(raft.ServerID(old.RaftID()), raft.ServerAddress(old.PeerAddr())).Error()
		return errors.New("n2 does not lead")
	})
	c.commit("before")

	for _, v := range voters {
		for _, n := range append(replicas, old) {
			c.wires.part(n.config.Label, v.config.Label)
		}
	}
	after := c.commitOn(voters, "after")
	var readers sync.WaitGroup
	for _, n := range append(replicas, old) {
		readers.Go(func() {
			if read, err := n.confirm(t.Context()); !errors.Is(err, fault.ErrNoLeader) {
				t.Errorf("%s confirms %d (%v); committed is %d", n.config.Label, read, err, after)
			}
		})
	}
	readers.Wait()
	began := time.Now()
	if read, err := old.confirmAsLeader(t.Context()); err == nil || time.Since(began) >= dialTimeout {
		t.Errorf("a round gives %d (%v) after %v, and those who wait for the next one wait for that long", read, err, time.Since(began))
	}
	if !old.Leads() {
		t.Error("the old leader has noticed by itself, so this test shows nothing")
	}
}

func TestANewLeaderConfirmsNothingBeforeItHasAppliedWhatItInherited(t *testing.T) {
	t.Parallel()
	c := gather(t, 1)
	n := c.leader()
	if _, err := n.confirmAsLeader(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.leadership.readyTerm.Store(n.Term() - 1)
	if index, err := n.confirmAsLeader(t.Context()); !errors.Is(err, fault.ErrNoLeader) {
		t.Errorf("it confirms %d (%v)", index, err)
	}
}

func TestAnAnswerThatIsNoNumberIsAnError(t *testing.T) {
	t.Parallel()
	for _, b := range [][]byte{nil, make([]byte, 7), make([]byte, 9)} {
		if v, err := decodeUint64(b); err == nil {
			t.Errorf("%d bytes are %d", len(b), v)
		}
	}
	if v, err := decodeUint64(encodeUint64(1 << 60)); err != nil || v != 1<<60 {
		t.Errorf("%d, %v", v, err)
	}
	for _, b := range [][]byte{nil, make([]byte, 8), make([]byte, 15), make([]byte, 17)} {
		if c, err := decodeConfirmation(b); err == nil {
			t.Errorf("%d bytes confirm %d", len(b), c)
		}
	}
	if c, err := decodeConfirmation(confirmation{1 << 60, 7}.encode()); err != nil || c != (confirmation{1 << 60, 7}) {
		t.Errorf("%d, %v", c, err)
	}
}

// lonely is a member of which only the readers live, in a bubble: every round fails at once.
func lonely() (m *Member, rounds *atomic.Int32) {
	rounds = new(atomic.Int32)
	m = &Member{config: Config{Multiplier: 1}, leadership: newLeadership()}
	m.rounds = newCoalescer(func(context.Context) (confirmation, error) {
		rounds.Add(1)
		return confirmation{}, fault.ErrNoLeader
	})
	m.leaderRounds = newCoalescer(m.confirmAsLeader)
	return m, rounds
}

func TestAReadWithoutALeaderWaitsForOneButDoesNotSpin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, rounds := lonely()
		defer m.rounds.close()
		began := time.Now()
		if _, err := m.ReadIndex(t.Context()); !errors.Is(err, fault.ErrNoLeader) {
			t.Error(err)
		}
		if took := time.Since(began); took < readPatience || took > readPatience+roundTimeout {
			t.Errorf("it waited for %v", took)
		}
		if n := rounds.Load(); n > int32(readPatience/retryPause)+1 {
			t.Errorf("%d rounds in %v", n, readPatience)
		}
	})
}

func TestAReadEndsWithItsContextOrWithTheMember(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, _ := lonely()
		ctx, cancel := context.WithTimeout(t.Context(), readPatience/2)
		defer cancel()
		began := time.Now()
		if _, err := m.ReadIndex(ctx); err == nil || time.Since(began) != readPatience/2 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		m.rounds.close()
		began = time.Now()
		if _, err := m.ReadIndex(t.Context()); !errors.Is(err, fault.ErrNoLeader) || time.Since(began) > 0 {
			t.Errorf("while it stops: %v after %v", err, time.Since(began))
		}
	})
}

func TestANodeThatCantBeFreshAsksNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, rounds := lonely()
		defer m.rounds.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		m.keepFresh(ctx)
		if n := rounds.Load(); n > int32(time.Minute/retryPause)+1 {
			t.Errorf("%d rounds in a minute", n)
		}
		if age, ok := m.Age(); ok {
			t.Errorf("it claims to be of the age %v", age)
		}
	})
}

func TestAgeGrowsFromWhenTheQuestionWasSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Member{config: Config{Multiplier: 1, Machine: newJournal()}, leadership: newLeadership()}
		m.rounds = newCoalescer(func(context.Context) (confirmation, error) {
			time.Sleep(time.Second) // the leader takes its time
			return confirmation{}, nil
		})
		defer m.rounds.close()
		m.refresh(t.Context())
		if age, ok := m.Age(); !ok || age != time.Second {
			t.Errorf("%v, %v", age, ok)
		}
		time.Sleep(time.Minute)
		if age, ok := m.Age(); !ok || age != time.Minute+time.Second {
			t.Errorf("%v, %v", age, ok)
		}
	})
}
