package cluster

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oklog/ulid/v2"
)

// seeker is a member of which only gossip lives, outside the bubble in which it seeks the addresses.
func seeker(t *testing.T, join ...string) (*Member, *notebook) {
	t.Helper()
	notes := &notebook{}
	g, err := openGossip(Config{GossipAddr: "127.0.0.1:0", Log: notes.log()}, ulid.Make().String(), meta{Label: "seeker"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.close(time.Second) })
	return &Member{config: Config{Join: join, Log: notes.log()}, gossip: g}, notes
}

const lonelyWarning = "no node answers at the addresses to join"

func TestTheOperatorHearsOfAnUnansweredJoinOnceInAWhile(t *testing.T) {
	t.Parallel()
	m, notes := seeker(t, "127.0.0.1:1")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			m.seekNeighbours(ctx)
			close(ended)
		}()
		for _, want := range []struct {
			after    time.Duration
			warnings int
		}{{seekComplaint - seekSoon, 0}, {seekComplaint + 2*seekSoon, 1}, {6 * seekComplaint, 1}, {8 * seekComplaint, 2}} {
			time.Sleep(time.Until(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(want.after)))
			if n := len(notes.with(lonelyWarning)); n != want.warnings {
				t.Errorf("after %v there were %d warnings, not %d", want.after, n, want.warnings)
			}
		}
		cancel()
		<-ended
	})
	if tries := len(notes.with("a node to join did not answer")); tries < 100 {
		t.Errorf("it tried %d times in all that time", tries)
	}
}

func TestANodeThatExpectsNobodyComplainsOfNothing(t *testing.T) {
	t.Parallel()
	m, notes := seeker(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		m.seekNeighbours(ctx)
	})
	if warnings := notes.with("WARN"); len(warnings) > 0 {
		t.Error(warnings)
	}
}

func TestOneDeadAddressHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	silent := listenSilently(t)
	other, _ := seeker(t)
	m, _ := seeker(t, silent, "127.0.0.1:1", "no address", other.gossip.address)
	began := time.Now()
	approached := make(chan struct{})
	go func() {
		m.approach(t.Context())
		close(approached)
	}()
	for len(m.gossip.neighbours()) < 2 {
		select {
		case <-approached:
			if len(m.gossip.neighbours()) < 2 {
				t.Fatal("the live node was not found")
			}
		case <-time.After(time.Millisecond):
		}
	}
	if took := time.Since(began); took > gossipTimeout {
		t.Errorf("the live node was found after %v", took)
	}
	<-approached

	// Known nodes are not asked again: a second try finds nobody new, and a third address leads to the same node.
	m.config.Join = []string{other.gossip.address}
	began = time.Now()
	m.approach(t.Context())
	if took := time.Since(began); took > gossipTimeout {
		t.Errorf("to ask nobody took %v", took)
	}
}
