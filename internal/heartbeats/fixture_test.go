package heartbeats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// world is a cluster in memory: one log, which decides at once unless it is stalled, and nodes whose calls arrive at once
// unless one of them is away. The test is Raft.
type world struct {
	t     *testing.T
	nodes map[string]*member

	mu      sync.Mutex
	state   *registry.State
	term    uint64
	leader  string
	changed chan struct{}
	stall   chan struct{} // closed when the log goes on; nil while it does
	entries int
}

// member is one node.
type member struct {
	*world
	id        string
	leases    *health.Leases
	keeper    *Keeper
	collector *Collector

	away   chan struct{} // closed when the node answers again; nil while it does
	doubts error         // what a round says instead of confirming
	round  func()        // what happens while a round is under way
}

// play runs a story in a cluster of n1, n2 and n3, of which n1 leads in term 1.
func play(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, nodes: map[string]*member{}, state: registry.NewState(), changed: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for _, id := range []string{"n1", "n2", "n3"} {
			m := &member{world: w, id: id, leases: health.NewLeases(id)}
			m.keeper = NewKeeper(m, m, m.leases, m.current, slog.New(slog.DiscardHandler))
			m.collector = NewCollector(m, id, m.keeper)
			w.nodes[id] = m
			running.Go(func() { m.keeper.Run(ctx) })
			running.Go(func() { m.collector.Run(ctx) })
		}
		w.elect("n1")
		story(t, w)
		stop()
		running.Wait()
	})
}

// elect makes a node the leader of the next term, or nobody, and lets it notice.
func (w *world) elect(id string) {
	w.appoint(id)
	time.Sleep(2 * health.Tick)
}

func (w *world) appoint(id string) {
	w.mu.Lock()
	w.leader = id
	if id != "" {
		w.term++
	}
	close(w.changed)
	w.changed = make(chan struct{})
	w.mu.Unlock()
}

func (w *world) holdLog() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stall = make(chan struct{})
}

func (w *world) releaseLog() {
	w.mu.Lock()
	close(w.stall)
	w.stall = nil
	w.mu.Unlock()
	synctest.Wait()
}

// write has operations applied, and every node hear of them.
func (w *world) write(ops ...registry.Operation) (fsm.Outcome, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	edit := w.state.Edit()
	index := w.state.Index() + 1
	results, err := edit.Apply(index, ops...)
	if err != nil {
		return fsm.Outcome{}, err
	}
	w.entries++
	w.state = edit.Commit()
	for _, m := range w.nodes {
		m.leases.Applied(edit.ChangesFrom(0))
	}
	return fsm.Outcome{Index: index, Results: results}, nil
}

// register registers an instance of the service web with a lease, if it has a TTL.
func (w *world) register(id string, ttl time.Duration) {
	w.t.Helper()
	i := registry.Instance{Service: "web", ID: id, Address: "10.0.0.1", Port: 80}
	if ttl > 0 {
		i.Lease = &registry.Lease{TTL: registry.Duration(ttl)}
	}
	if _, err := w.write(registry.Register{Instance: i.Normalize()}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) instance(id string) *registry.Instance {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.state.Instance("web", id)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

func (w *world) index() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.Index()
}

// beats are heartbeats for instances of the service web.
func beats(ids ...string) (all []wire.Heartbeat) {
	for _, id := range ids {
		all = append(all, wire.Heartbeat{Service: "web", ID: id})
	}
	return all
}

// beat sends heartbeats by way of a node, and fails the test unless all of them were acknowledged.
func (w *world) beat(node string, ids ...string) {
	w.t.Helper()
	r, err := w.nodes[node].collector.Send(w.t.Context(), beats(ids...))
	if err != nil || r.Renewed != len(ids) {
		w.t.Fatalf("renewed %d of %d: %v", r.Renewed, len(ids), err)
	}
}

func (m *member) current() (*registry.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state, nil
}

func (m *member) RaftID() string     { return m.id }
func (m *member) Electorate() string { return "the test holds elections" }
func (m *member) Voters() []string   { return []string{"n1", "n2", "n3"} }

func (m *member) Leader() (string, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leader, m.changed
}

func (m *member) Leading() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leader != m.id {
		return 0
	}
	return m.term
}

func (m *member) Term() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.term
}

func (m *member) ReadIndex(context.Context) (uint64, error) {
	if m.round != nil {
		m.round()
	}
	return m.index(), m.doubts
}

// Decide waits while the log is stalled. It does not listen to ctx then: the entry is on its way.
func (m *member) Decide(ctx context.Context, what fsm.Write) (fsm.Outcome, error) {
	m.mu.Lock()
	stall, term := m.stall, m.term
	m.mu.Unlock()
	if term != what.Term {
		return fsm.Outcome{}, cluster.ErrNotLeader
	}
	if stall == nil {
		return m.write(what.Operations...)
	}
	done := make(chan struct{})
	var outcome fsm.Outcome
	var err error
	go func() { // ends when the log goes on, which each story sees to
		<-stall
		outcome, err = m.write(what.Operations...)
		close(done)
	}()
	select {
	case <-done:
		return outcome, err
	case <-ctx.Done():
		return fsm.Outcome{}, fault.Unknown(fault.ErrTimeout)
	}
}

func (m *member) reach(ctx context.Context, id string) (*member, error) {
	to := m.nodes[id]
	for _, end := range []*member{m, to} {
		m.mu.Lock()
		away := end.away
		m.mu.Unlock()
		if away == nil {
			continue
		}
		select {
		case <-away:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return to, nil
}

func (m *member) Call(ctx context.Context, id, name string, request []byte) ([]byte, error) {
	to, err := m.reach(ctx, id)
	if err != nil {
		return nil, err
	}
	switch name {
	case CallBeats:
		return to.keeper.AnswerBeats(ctx, request)
	case CallPulse:
		return to.keeper.AnswerPulse(ctx, request)
	}
	return nil, fmt.Errorf("no call %s", name)
}

func (m *member) Stream(ctx context.Context, id, name string, request []byte) (io.ReadCloser, error) {
	to, err := m.reach(ctx, id)
	if err != nil {
		return nil, err
	}
	if name != CallAges {
		return nil, errors.New("no such stream")
	}
	var b bytes.Buffer
	return io.NopCloser(&b), to.keeper.AnswerAges(ctx, slices.Clone(request), &b)
}

// leave cuts a node off, until come.
func (m *member) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = make(chan struct{})
}

func (m *member) come() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.away)
	m.away = nil
}
