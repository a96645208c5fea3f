package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/raft"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// entryOf is an entry of the log that registers one instance, written by hand: version 1, a write, an operation.
func entryOf(index uint64, id string) *raft.Log {
	i := registry.Instance{Service: "orders", ID: id, Address: "10.0.0.1", Port: 8080}
	field := func(number protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
	}
	operation := record.AppendOperation(nil, registry.Register{Instance: i.Normalize()})
	payload := append([]byte{1}, field(3, field(2, operation))...)
	return &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: record.AppendFramed(nil, payload)}
}

// cluster is a cluster in memory, in which calls arrive at once and the test is Raft.
type cluster struct {
	t      *testing.T
	nodes  map[string]*node
	voters []string

	mute atomic.Bool // nobody gives its state away

	mu     sync.Mutex
	leader string
	index  uint64
	log    bytes.Buffer
}

// node is one node of a cluster, as its auditor sees it.
type node struct {
	*cluster
	id        string
	machine   *fsm.Machine
	auditor   *Auditor
	away      atomic.Bool // it answers nobody
	snapshots int
}

// compared runs the auditors of a cluster with the voters n1 to n3 and the replica n4, which hold three instances, in
// virtual time. n1 leads.
func compared(t *testing.T, story func(c *cluster)) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{t: t, nodes: map[string]*node{}, voters: []string{"n1", "n2", "n3"}, leader: "n1"}
		log := slog.New(slog.NewTextHandler(&lockedWriter{c}, nil))
		for _, id := range []string{"n1", "n2", "n3", "n4"} {
			n := &node{cluster: c, id: id}
			n.machine = fsm.NewMachine(store.Image{State: registry.NewState()}, func() string { return "test-cluster" })
			n.auditor = New(n, n.machine, log.With("node", id))
			c.nodes[id] = n
		}
		for range 3 {
			c.write()
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for _, n := range c.nodes {
			running.Go(func() { n.auditor.Run(ctx, Interval) })
		}
		story(c)
		cancel()
		running.Wait()
	})
}

type lockedWriter struct{ c *cluster }

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	return w.c.log.Write(b)
}

// write commits one more instance and has all nodes apply it.
func (c *cluster) write() {
	c.mu.Lock()
	c.index++
	index := c.index
	c.mu.Unlock()
	for _, n := range c.nodes {
		n.machine.Apply(entryOf(index, fmt.Sprint("i", index)))
	}
}

func (c *cluster) elect(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = id
}

// lapse has the named nodes apply something else than the others at the next index.
func (c *cluster) lapse(ids ...string) {
	c.index++
	for id, n := range c.nodes {
		if slices.Contains(ids, id) {
			n.machine.Apply(entryOf(c.index, "lapse-of-"+id))
		} else {
			n.machine.Apply(entryOf(c.index, fmt.Sprint("i", c.index)))
		}
	}
}

func (c *cluster) requireRebuilds(ids ...string) {
	c.t.Helper()
	for id, n := range c.nodes {
		want := uint64(0)
		if slices.Contains(ids, id) {
			want = 1
		}
		if got := n.auditor.Rebuilds(); got != want {
			c.t.Errorf("%s has rebuilt its state %d times, not %d:\n%s", id, got, want, c.log.String())
		}
	}
}

func (c *cluster) requireSameState() {
	c.t.Helper()
	for id, n := range c.nodes {
		if n.machine.Sound() != nil || n.machine.Image().Hash != c.nodes["n3"].machine.Image().Hash {
			c.t.Errorf("%s holds another state than n3, or none: %v", id, n.machine.Sound())
		}
	}
}

func (n *node) RaftID() string   { return n.id }
func (n *node) Voters() []string { return n.voters }

func (n *node) Leads() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leader == n.id
}

func (n *node) TakeSnapshot(context.Context) error {
	n.snapshots++
	return nil
}

var errAway = errors.New("nobody answers")

func (n *node) Call(ctx context.Context, id, name string, request []byte) ([]byte, error) {
	if n.nodes[id].away.Load() || name != CallHash {
		return nil, errAway
	}
	return n.nodes[id].auditor.AnswerHash(ctx, request)
}

func (n *node) Stream(ctx context.Context, id, name string, request []byte) (io.ReadCloser, error) {
	if n.mute.Load() || name != CallState {
		return nil, errAway
	}
	var answer bytes.Buffer
	if err := n.nodes[id].auditor.AnswerState(ctx, request, &answer); err != nil {
		return nil, err
	}
	return io.NopCloser(&answer), nil
}
