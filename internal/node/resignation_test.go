package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/fault"
)

// parliament is a cluster of voters in which leadership is handed over at once. It is seen through the eyes of n1.
type parliament struct {
	mu       sync.Mutex
	leader   string
	changed  chan struct{}
	full     map[string]bool // nodes that are not fit
	away     map[string]bool // nodes that do not answer
	handOver []string        // to whom, in order
	refuse   error           // what HandOverTo says instead
}

func (p *parliament) RaftID() string   { return "n1" }
func (p *parliament) Voters() []string { return []string{"n1", "n2", "n3"} }

func (p *parliament) Leader() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leader, p.changed
}

func (p *parliament) Leads() bool {
	leader, _ := p.Leader()
	return leader == "n1"
}

func (p *parliament) Call(_ context.Context, id, name string, _ []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case name != callFit || p.away[id]:
		return nil, cluster.ErrUnreachable
	case p.full[id]:
		return []byte(answerUnfit), nil
	default:
		return []byte(answerFit), nil
	}
}

func (p *parliament) HandOverTo(_ context.Context, id string) error {
	p.mu.Lock()
	p.handOver = append(p.handOver, id)
	err := p.refuse
	p.mu.Unlock()
	if err == nil {
		p.elect(id)
	}
	return err
}

func (p *parliament) elect(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leader = id
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *parliament) set(change func()) {
	p.mu.Lock()
	change()
	p.mu.Unlock()
	synctest.Wait()
}

func (p *parliament) unfit() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full["n1"] {
		return fmt.Errorf("%w: no space", fault.ErrDiskFull)
	}
	return nil
}

func (p *parliament) handedTo() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.handOver)
}

// sitting runs n1's resignation, with n1 as the leader, in virtual time.
func sitting(t *testing.T, story func(p *parliament, r *resignation)) {
	synctest.Test(t, func(t *testing.T) {
		p := &parliament{leader: "n1", changed: make(chan struct{}), full: map[string]bool{}, away: map[string]bool{}}
		r := &resignation{cluster: p, unfit: p.unfit, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.run(ctx) })
		story(p, r)
		cancel()
		running.Wait()
	})
}

func TestAFitLeaderStays(t *testing.T) {
	sitting(t, func(p *parliament, r *resignation) {
		time.Sleep(time.Hour)
		if got := p.handedTo(); len(got) > 0 || r.refusal() != nil {
			t.Errorf("handed over to %v, refusing with %v", got, r.refusal())
		}
	})
}

func TestALeaderThatGetsUnfitGivesLeadershipToAVoterThatIsFit(t *testing.T) {
	sitting(t, func(p *parliament, r *resignation) {
		p.set(func() { p.full["n1"], p.full["n2"] = true, true })
		if err := r.refusal(); !errors.Is(err, cluster.ErrNotLeader) {
			t.Errorf("a write in between gets %v instead of waiting for the next leader", err)
		}
		time.Sleep(resignInterval)
		synctest.Wait()
		if got := p.handedTo(); !slices.Equal(got, []string{"n3"}) {
			t.Errorf("handed over to %v", got)
		}
	})
}

func TestWhereNobodyIsFitWritesAreRefusedUntilSomebodyIs(t *testing.T) {
	sitting(t, func(p *parliament, r *resignation) {
		p.set(func() { p.full["n1"], p.full["n2"], p.away["n3"] = true, true, true })
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := r.refusal(); !errors.Is(err, fault.ErrDiskFull) || len(p.handedTo()) > 0 {
			t.Errorf("refusing with %v, handed over to %v", err, p.handedTo())
		}
		p.set(func() { p.full["n1"] = false })
		if err := r.refusal(); err != nil {
			t.Errorf("with space again: %v", err)
		}
		p.set(func() { p.full["n1"], p.away["n3"] = true, false })
		time.Sleep(2 * lastResignPause)
		synctest.Wait()
		if got := p.handedTo(); !slices.Equal(got, []string{"n3"}) {
			t.Errorf("handed over to %v", got)
		}
	})
}

func TestAnUnfitNodeThatIsElectedAgainAndAgainDoesNotFlap(t *testing.T) {
	sitting(t, func(p *parliament, _ *resignation) {
		p.set(func() { p.full["n1"] = true })
		for range 600 { // ten minutes, in which the others elect it once a second
			time.Sleep(time.Second)
			synctest.Wait()
			p.elect("n1")
		}
		if n := len(p.handedTo()); n < 10 || n > 30 {
			t.Errorf("it gave leadership away %d times in ten minutes", n)
		}
	})
}

func TestAHandOverThatFailsIsTriedAgainLater(t *testing.T) {
	sitting(t, func(p *parliament, r *resignation) {
		p.set(func() { p.full["n1"], p.refuse = true, errors.New("too far behind") })
		time.Sleep(resignInterval)
		synctest.Wait()
		if err := r.refusal(); !errors.Is(err, fault.ErrDiskFull) {
			t.Errorf("refusing with %v", err)
		}
		p.set(func() { p.refuse = nil })
		time.Sleep(2 * firstResignPause)
		synctest.Wait()
		if p.Leads() {
			t.Error("it still leads")
		}
	})
}
