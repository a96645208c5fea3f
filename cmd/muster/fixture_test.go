package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/http"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/node"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// result is what one run of the program left behind.
type result struct {
	status         int
	stdout, stderr string
}

// runWith runs a command line in this process.
func runWith(t *testing.T, p program, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p.stdout, p.stderr = &stdout, &stderr
	if p.environ == nil {
		p.environ = func() []string { return nil }
	}
	status := p.run(t.Context(), args)
	return result{status, stdout.String(), stderr.String()}
}

// runAt runs a command line against the nodes at these addresses.
func runAt(t *testing.T, addr string, args ...string) result {
	t.Helper()
	return runWith(t, program{environ: func() []string { return []string{"MUSTER_ADDR=" + addr} }}, args...)
}

// want fails the test unless the run ended with this status, and with exactly this on stdout.
func (r result) want(t *testing.T, status int, stdout string) {
	t.Helper()
	if r.status != status {
		t.Fatalf("exit status %d, want %d; stderr: %s", r.status, status, r.stderr)
	}
	if want := strings.TrimPrefix(stdout, "\n"); r.stdout != want {
		t.Errorf("stdout:\n%s\nwant:\n%s", r.stdout, want)
	}
}

// succeeds fails the test unless the run ended well.
func (r result) succeeds(t *testing.T) {
	t.Helper()
	if r.status != exitDone {
		t.Fatalf("exit status %d: %s", r.status, r.stderr)
	}
}

// fails fails the test unless the run ended with this status, nothing on stdout and these words on stderr.
func (r result) fails(t *testing.T, status int, words ...string) {
	t.Helper()
	r.want(t, status, "")
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("stderr does not say %q: %s", w, r.stderr)
		}
	}
}

// memory is a cluster of one node in memory, without a log: the real HTTP in front of the real registry.
type memory struct {
	*registry.Publisher
	writing sync.Mutex
	past    []*record.Transition
}

func newMemory() *memory {
	return &memory{Publisher: registry.NewPublisher(registry.NewState())}
}

// serveMemory serves an empty registry and returns its base URL.
func serveMemory(t *testing.T) string {
	t.Helper()
	return serveNode(t, newMemory()).URL
}

func serveNode(t *testing.T, node http.Node) *httptest.Server {
	t.Helper()
	server, err := http.New(http.Config{Node: node})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server.Handler())
	t.Cleanup(listening.Close)
	return listening
}

func (m *memory) Submit(_ context.Context, w fsm.Write) (fsm.Outcome, error) {
	m.writing.Lock()
	defer m.writing.Unlock()
	draft := m.State().Edit()
	index := m.State().Index() + 1
	results, err := draft.Apply(index, w.Operations...)
	if err != nil {
		return fsm.Outcome{}, err
	}
	for change := range draft.ChangesFrom(0) {
		from, to := registry.ConditionOf(change.Old), registry.ConditionOf(change.New)
		if i := change.Instance(); from != to {
			t := &record.Transition{Service: i.Service, ID: i.ID, Index: index, Time: int64(index) * 1e9, From: from, To: to, Cause: &record.Cause{Term: 3}}
			t.Cause.Rule, t.Cause.Check, t.Cause.Cause = registry.Reason(change.By)
			m.past = append([]*record.Transition{t}, m.past...)
		}
	}
	m.Publish(draft.Commit(), draft.Changed())
	return fsm.Outcome{Index: index, Results: results}, nil
}

func (m *memory) History(service, id string, _ uint64) []*record.Transition {
	m.writing.Lock()
	defer m.writing.Unlock()
	return slices.DeleteFunc(slices.Clone(m.past), func(t *record.Transition) bool { return t.Service != service || t.ID != id })
}

func (m *memory) Freshness() (time.Duration, bool)          { return 0, true }
func (m *memory) ReadIndex(context.Context) (uint64, error) { return m.State().Index(), nil }
func (m *memory) Horizon(context.Context) (uint64, error)   { return m.State().Index(), nil }

// Backup and Restore go by way of a machine, which the memory does without otherwise.
func (m *memory) Backup() (fsm.Backup, error) {
	state := m.State()
	image := store.Image{Index: state.Index(), Term: 3, State: state}
	for service := range state.Services() {
		for i := range service.Instances() {
			image.Hash.Add(i)
		}
	}
	return fsm.NewMachine(image, m.ClusterID).Backup()
}

func (m *memory) Restore(_ context.Context, snapshot io.Reader) (fsm.Restored, error) {
	machine := fsm.NewMachine(store.Image{State: registry.NewState()}, m.ClusterID)
	if err := machine.Restore(io.NopCloser(snapshot)); err != nil {
		return fsm.Restored{}, err
	}
	m.writing.Lock()
	defer m.writing.Unlock()
	state := machine.Publisher().State()
	services := slices.Collect(state.Services())
	var names []string
	for _, service := range services {
		names = append(names, service.Name())
	}
	m.Publish(state, names)
	return fsm.Restored{Index: state.Index(), Instances: state.Len(), Services: len(services)}, nil
}

func (m *memory) ID() string         { return "n1" }
func (m *memory) ClusterID() string  { return "C1" }
func (m *memory) LeaderHTTP() string { return "" }
func (m *memory) Ready() error       { return nil }
func (m *memory) Sound() error       { return nil }
func (m *memory) Self() wire.Self    { return wire.Self{} }

func (m *memory) Transfer(_ context.Context, to string) (string, error) {
	return cmp.Or(to, "n2"), nil
}

func (m *memory) Remove(_ context.Context, node string, force bool) (wire.RemovedNode, error) {
	if node == "n1" && !force {
		return wire.RemovedNode{}, fmt.Errorf("%w: the cluster would lose its majority", fault.ErrConflict)
	}
	return wire.RemovedNode{ID: node, RaftID: "R1"}, nil
}

func (m *memory) Cluster(context.Context) (wire.Cluster, error) {
	contact := registry.Duration(8_400 * time.Microsecond)
	return wire.Cluster{ID: "C1", Leader: "n1", Term: 3, CommitIndex: 42, Nodes: []wire.Node{
		{
			ID: "n1", RaftID: "R1", HTTP: "http://10.0.0.1:7300", Peer: "10.0.0.1:7301", Gossip: "10.0.0.1:7302",
			Zone: "eu-1a", Version: "v1.2.3", Role: "voter", State: "leader", GossipState: "alive",
			AppliedIndex: 42, LastContact: new(registry.Duration),
		},
		{
			ID: "n2", RaftID: "R2", HTTP: "http://10.0.0.2:7300", Peer: "10.0.0.2:7301", Gossip: "10.0.0.2:7302",
			Version: "v1.2.3", Role: "voter", State: "follower", GossipState: "alive",
			AppliedIndex: 41, LastContact: &contact,
		},
		{ID: "n3", RaftID: "R3", Peer: "10.0.0.3:7301", Role: "nonvoter", State: "unknown", GossipState: "dead"},
	}}, nil
}

// stubNode is a node that is as a test wants it.
type stubNode struct {
	ready  error
	failed chan error

	mu     sync.Mutex
	closed int
}

func newStubNode() *stubNode { return &stubNode{failed: make(chan error, 1)} }

func (s *stubNode) HTTPAddr() string     { return "127.0.0.1:7300" }
func (s *stubNode) GossipAddr() string   { return "127.0.0.1:7302" }
func (s *stubNode) Ready() error         { return s.ready }
func (s *stubNode) Failed() <-chan error { return s.failed }

func (s *stubNode) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	return ctx.Err()
}

func (s *stubNode) timesClosed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// starting is a startFunc that gives the same node each time and passes on what it was asked for.
func starting(n runningNode, asked chan<- node.Config) startFunc {
	return func(_ context.Context, c node.Config) (runningNode, error) {
		asked <- c
		return n, nil
	}
}
