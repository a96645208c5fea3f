package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// gossipDeath is how long gossip takes in these stories to call a node dead: its worst case.
const gossipDeath = 7 * time.Second

// world is a cluster in memory: one log, which decides at once, nodes whose calls arrive at once, and instances that answer
// as the story says. The test is Raft and gossip.
type world struct {
	t     *testing.T
	nodes map[string]*node

	mu      sync.Mutex
	state   *registry.State
	term    uint64
	leader  string
	changed chan struct{}
	entries int
	history []*record.Transition // the newest last
	answer  func(node, instance string) probe.Result
	asked   map[string][]time.Time // by instance: when somebody did
}

// node is one of them.
type node struct {
	*world
	id       string
	judge    *Judge
	watchman *Watchman
	rounds   *health.Rounds
	roll     *Roll
	shares   *Shares
	kill     context.CancelFunc

	gone, deaf bool      // it has died; it reaches no other node
	died       time.Time // for gossip
}

var (
	good    = probe.Result{Verdict: probe.Passed, Output: "200 OK"}
	refused = probe.Result{Verdict: probe.Failed, Output: "connection refused"}
	nothing = probe.Result{Verdict: probe.Silent, Output: "no answer within 2s"}
)

// play runs a story in a cluster of so many nodes, of which n1 leads in term 1. All instances are well at first.
func play(t *testing.T, nodes int, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, nodes: map[string]*node{}, state: registry.NewState(), changed: make(chan struct{}),
			asked: map[string][]time.Time{}, answer: func(string, string) probe.Result { return good },
		}
		w.elect("n1")
		var running sync.WaitGroup
		for i := range nodes {
			n := &node{world: w, id: fmt.Sprintf("n%d", i+1)}
			n.shares = NewShares(n.id)
			n.judge = NewJudge(n, n, n, n.current)
			n.watchman = NewWatchman(n, n.id, n.shares, n, n.current, n.judge)
			n.rounds = health.NewRounds(health.RoundsConfig{Prober: n, Hear: n.watchman.Hear, Share: n.shares.Mine, Pace: 1000})
			n.roll = NewRoll(n, n.shares, func([]cluster.Neighbour) {}, func() {
				n.rounds.Reshare()
				n.watchman.Forget()
			})
			w.nodes[n.id] = n
		}
		for _, n := range w.nodes {
			ctx, stop := context.WithCancel(t.Context())
			n.kill = stop
			running.Go(func() { n.watchman.Run(ctx) })
			running.Go(func() { n.rounds.Run(ctx) })
			running.Go(func() { n.roll.Run(ctx) })
		}
		time.Sleep(time.Second)
		story(t, w)
		for _, n := range w.nodes {
			n.kill()
		}
		running.Wait()
	})
}

// elect makes a node the leader of the next term.
func (w *world) elect(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.term++
	w.leader = id
	close(w.changed)
	w.changed = make(chan struct{})
}

// die ends a node's process.
func (w *world) die(id string) {
	n := w.nodes[id]
	n.kill()
	w.mu.Lock()
	defer w.mu.Unlock()
	n.gone, n.died = true, time.Now()
}

// behave changes how instances answer.
func (w *world) behave(answer func(node, instance string) probe.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

// apply has operations applied as the log does, and keeps the history.
func (w *world) apply(ops ...registry.Operation) ([]registry.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	edit := w.state.Edit()
	results, err := edit.Apply(w.state.Index()+1, ops...)
	if err != nil {
		return nil, err
	}
	w.entries++
	for c := range edit.ChangesFrom(0) {
		from, to := registry.ConditionOf(c.Old), registry.ConditionOf(c.New)
		if from == to {
			continue
		}
		cause := &record.Cause{Term: w.term}
		cause.Rule, cause.Check, cause.Cause = registry.Reason(c.By)
		i := c.Instance()
		w.history = append(w.history, &record.Transition{
			Service: i.Service, ID: i.ID, Index: w.state.Index() + 1, Time: time.Now().UnixNano(), From: from, To: to, Cause: cause,
		})
	}
	w.state = edit.Commit()
	for _, n := range w.nodes {
		n.rounds.Applied(edit.ChangesFrom(0))
	}
	return results, nil
}

// register registers so many instances of a service, each at an address of its own, with the check that is given, and waits
// until all are healthy.
func (w *world) register(service string, many int, c registry.Check) {
	w.t.Helper()
	for n := range many {
		i := registry.Instance{Service: service, ID: fmt.Sprintf("i%03d", n), Address: fmt.Sprintf("10.0.%d.%d", n/200, n%200+1), Port: 80, Checks: []registry.Check{c}}
		if _, err := w.apply(registry.Register{Instance: i.Normalize()}); err != nil {
			w.t.Fatal(err)
		}
	}
	time.Sleep(2 * time.Second)
	if healthy := w.count(registry.Healthy); healthy != many {
		w.t.Fatalf("%d of %d instances are healthy after their registration", healthy, many)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history = nil
}

// written is how many entries the log has.
func (w *world) written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.entries
}

// timesAsked is how often somebody has asked an instance.
func (w *world) timesAsked(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked[id])
}

func (w *world) count(status registry.Status) (n int) {
	state, _ := w.current()
	for s := range state.Services() {
		for i := range s.Instances() {
			if i.Status == status {
				n++
			}
		}
	}
	return n
}

// transitions are those since the registration, the oldest first.
func (w *world) transitions() []*record.Transition {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.history)
}

func (w *world) current() (*registry.State, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state, nil
}

// History is that of an instance, as [fsm.Machine] has it.
func (w *world) History(service, id string, _ uint64) (transitions []*record.Transition) {
	for _, t := range slices.Backward(w.transitions()) {
		if t.Service == service && t.ID == id {
			transitions = append(transitions, t)
		}
	}
	return transitions
}

func (n *node) RaftID() string { return n.id }

func (n *node) Leader() (string, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leader, n.changed
}

func (n *node) Leading() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.leader != n.id {
		return 0
	}
	return n.term
}

// Neighbours are the nodes as gossip sees them: one that has died is alive for a while.
func (n *node) Neighbours() (all []cluster.Neighbour) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, other := range n.nodes {
		all = append(all, cluster.Neighbour{RaftID: id, Label: id, Alive: !other.gone || time.Since(other.died) < gossipDeath})
	}
	return all
}

// Call lets another node answer.
func (n *node) Call(ctx context.Context, id, name string, request []byte) ([]byte, error) {
	n.mu.Lock()
	other := n.nodes[id]
	cut := n.deaf || other.gone || other.deaf
	n.mu.Unlock()
	if cut {
		return nil, cluster.ErrUnreachable
	}
	switch name {
	case CallFindings:
		return other.judge.AnswerFindings(ctx, request)
	case CallConfirm:
		return other.watchman.AnswerConfirm(ctx, request)
	case CallRoll:
		return other.roll.AnswerRoll(ctx, request)
	}
	return nil, errors.New("no such call")
}

// Probe asks an instance: silence takes the whole timeout.
func (n *node) Probe(ctx context.Context, t probe.Target) probe.Result {
	n.mu.Lock()
	answer := n.answer
	n.asked[t.ID] = append(n.asked[t.ID], time.Now())
	n.mu.Unlock()
	r := answer(n.id, t.ID)
	took := time.Millisecond
	if r.Verdict == probe.Silent {
		took = time.Duration(t.Check.Timeout)
	}
	if !pause.For(ctx, took) {
		return probe.Result{Output: "the check was broken off"}
	}
	return r
}

// Decide is the log's.
func (n *node) Decide(_ context.Context, what fsm.Write) (fsm.Outcome, error) {
	if n.Leading() != what.Term {
		return fsm.Outcome{}, cluster.ErrNotLeader
	}
	results, err := n.apply(what.Operations...)
	return fsm.Outcome{Results: results}, err
}
