package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// patience is how long a test waits for what must come. It is long, since the machine may be busy.
const patience = 40 * time.Second

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// notes keeps what the nodes log. Memberlist may say something after the test, so they don't log to that.
type notes struct {
	mu   sync.Mutex
	text strings.Builder
}

func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// startThree starts a cluster of nodes that compare their states once a second, and know of all watches that broke off.
func startThree(t *testing.T) []*Node {
	t.Helper()
	gossip := []string{free(t), free(t), free(t)}
	dir := t.TempDir()
	log := &notes{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log)
		}
	})
	nodes := make([]*Node, 3)
	for i := range nodes {
		name := fmt.Sprintf("n%d", i+1)
		n, err := start(t.Context(), Config{
			ID: name, DataDir: filepath.Join(dir, name), HTTPAddr: "127.0.0.1:0", PeerAddr: "127.0.0.1:0", GossipAddr: gossip[i],
			Join: gossip, BootstrapExpect: 3,
			Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})).With("node", name),
		}, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := n.Close(ctx); err != nil {
				t.Errorf("close %s: %v", name, err)
			}
		})
		nodes[i] = n
	}
	for _, n := range nodes {
		eventually.Succeeds(t, patience, n.Ready)
	}
	return nodes
}

// register registers an instance by way of a node. What is unknown or comes in an election is sent again.
func register(t *testing.T, n *Node, id string) {
	t.Helper()
	i := registry.Instance{Service: "payments", ID: id, Address: "10.0.0.7", Port: 8080}
	eventually.Succeeds(t, patience, func() error {
		_, err := n.Submit(t.Context(), fsm.Write{Operations: []registry.Operation{registry.Register{Instance: i.Normalize()}}})
		return err
	})
}

// leaderOf is the node that leads, as it says itself.
func leaderOf(t *testing.T, nodes []*Node) *Node {
	t.Helper()
	var leader *Node
	eventually.Succeeds(t, patience, func() error {
		for _, n := range nodes {
			if _, err := n.ReadIndex(t.Context()); err == nil && n.member.Leads() {
				leader = n
				return nil
			}
		}
		return errors.New("no node leads")
	})
	return leader
}

func followersOf(nodes []*Node, leader *Node) (followers []*Node) {
	for _, n := range nodes {
		if n != leader {
			followers = append(followers, n)
		}
	}
	return followers
}

// lapse has the node's state machine apply an entry that is in nobody's log, in the place of the next one that is: from
// here on it holds another state than the others.
func lapse(n *Node, id string) {
	i := registry.Instance{Service: "payments", ID: id, Address: "10.6.6.6", Port: 666}
	field := func(number protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
	}
	operation := record.AppendOperation(nil, registry.Register{Instance: i.Normalize()})
	payload := append([]byte{1}, field(3, field(2, operation))...) // version 1, a write, an operation
	n.machine.Apply(&raft.Log{Index: n.State().Index() + 1, Term: n.member.Term(), Type: raft.LogCommand, Data: record.AppendFramed(nil, payload)})
}

// requireEqual waits until all nodes stand at one index with one hash, and are ready.
func requireEqual(t *testing.T, nodes []*Node) {
	t.Helper()
	eventually.Succeeds(t, patience, func() error {
		first := nodes[0].Self()
		for _, n := range nodes {
			if err := n.Ready(); err != nil {
				return err
			}
			if s := n.Self(); s.AppliedIndex != first.AppliedIndex || s.StateHash != first.StateHash {
				return fmt.Errorf("%s is at %d with %s, %s at %d with %s", first.ID, first.AppliedIndex, first.StateHash, s.ID, s.AppliedIndex, s.StateHash)
			}
		}
		return nil
	})
}

// get reads from a node's API.
func get(t *testing.T, n *Node, path string) (int, string) {
	t.Helper()
	request, err := nethttp.NewRequestWithContext(t.Context(), nethttp.MethodGet, "http://"+n.HTTPAddr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := nethttp.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestAFollowerThatIsWrongRebuildsItselfBesideWrites(t *testing.T) {
	nodes := startThree(t)
	leader := leaderOf(t, nodes)
	register(t, leader, "p0")
	wrong := followersOf(nodes, leader)[0]
	lapse(wrong, "never-registered")
	began := time.Now()
	for k := 1; wrong.auditor.Rebuilds() == 0 || wrong.Sound() != nil; k++ {
		if time.Since(began) > patience {
			t.Fatal("it was not found out")
		}
		register(t, leader, fmt.Sprint("p", k))
	}
	t.Logf("right again %s after it went wrong", time.Since(began).Round(time.Millisecond))
	requireEqual(t, nodes)
	for _, n := range nodes {
		if _, body := get(t, n, "/v1/services/payments"); bytes.Contains([]byte(body), []byte("never-registered")) {
			t.Errorf("%s shows what nobody registered", n.ID())
		}
	}
	if _, err := leader.ReadIndex(t.Context()); err != nil || !leader.member.Leads() {
		t.Errorf("the leader had to go: %v", err)
	}
}

func TestALeaderThatIsWrongHandsOverAndRebuildsItself(t *testing.T) {
	nodes := startThree(t)
	wrong := leaderOf(t, nodes)
	others := followersOf(nodes, wrong)
	register(t, wrong, "p0")
	lapse(wrong, "never-registered")
	for k := range 5 {
		register(t, others[k%2], fmt.Sprint("p", k))
	}
	eventually.Succeeds(t, patience, func() error {
		if wrong.auditor.Rebuilds() == 0 || wrong.Sound() != nil {
			return errors.New("it is not right yet")
		}
		return nil
	})
	if wrong.member.Leads() {
		t.Error("it still leads")
	}
	register(t, wrong, "after")
	requireEqual(t, nodes)
	for _, n := range others {
		if n.auditor.Rebuilds() != 0 {
			t.Errorf("%s rebuilt itself too", n.ID())
		}
	}
}

func TestWhereAllThreeDifferNobodyRebuilds(t *testing.T) {
	nodes := startThree(t)
	leader := leaderOf(t, nodes)
	register(t, leader, "p0")
	for _, n := range followersOf(nodes, leader) {
		eventually.Succeeds(t, patience, func() error { return n.Await(t.Context(), leader.State().Index()) })
		lapse(n, "only-on-"+n.ID())
	}
	register(t, leader, "p1")
	register(t, leader, "p2")
	eventually.Succeeds(t, patience, func() error {
		for _, n := range nodes {
			if n.auditor.Disagreeing() != 2 {
				return fmt.Errorf("%s sees %d others that differ", n.ID(), n.auditor.Disagreeing())
			}
		}
		return nil
	})
	for _, n := range nodes {
		if n.auditor.Rebuilds() != 0 || n.Ready() != nil {
			t.Errorf("%s rebuilt its state %d times: %v", n.ID(), n.auditor.Rebuilds(), n.Ready())
		}
	}
}

func TestANodeInDoubtShowsNothingAndTakesNothing(t *testing.T) {
	nodes := startThree(t)
	leader := leaderOf(t, nodes)
	register(t, leader, "p0")
	doubtful := followersOf(nodes, leader)[0]
	eventually.Succeeds(t, patience, func() error { return doubtful.Await(t.Context(), leader.State().Index()) })
	reason := fmt.Errorf("%w: this is a test", fault.ErrNotReady)
	doubtful.machine.Distrust(reason)
	for _, path := range []string{"", "?consistency=linearizable", "?max_stale=1h", "?min_index=1"} {
		if status, body := get(t, doubtful, "/v1/services/payments"+path); status != 503 || !bytes.Contains([]byte(body), []byte("this is a test")) {
			t.Errorf("%q is answered %d %s", path, status, body)
		}
	}
	if status, _ := get(t, doubtful, "/readyz"); status != 503 {
		t.Errorf("readyz is answered %d", status)
	}
	register(t, doubtful, "p1") // goes to the leader, as ever
	if err := doubtful.member.TakeSnapshot(t.Context()); err == nil {
		t.Error("Raft took a snapshot")
	}
}
