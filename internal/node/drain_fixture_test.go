package node

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/roster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// oneWay is how long a message takes from one node of a company to another.
const oneWay = time.Millisecond

// company is three nodes that only drain.
type company struct {
	nodes map[string]*drainage
	posts map[string]*registry.Publisher // what each has applied

	mu    sync.Mutex
	away  map[string]bool // nodes that do not get or give an answer
	first map[string]bool // nodes whose process was there when the cluster was formed
	calls map[string]int  // how often each was asked by another
}

// seat is the company through the eyes of one node.
type seat struct {
	*company
	id string
}

func (s seat) RaftID() string { return s.id }

func (s seat) Founder() bool { return s.first[s.id] }

func (s seat) Servers() []cluster.Server {
	var servers []cluster.Server
	for id, of := range s.nodes {
		servers = append(servers, cluster.Server{RaftID: id, Label: of.label})
	}
	return servers
}

func (s seat) Call(ctx context.Context, id, name string, request []byte) ([]byte, error) {
	if name != callStanding {
		return nil, fmt.Errorf("no such call: %s", name)
	}
	s.mu.Lock()
	s.calls[id]++
	s.mu.Unlock()
	if err := s.travel(ctx, id); err != nil {
		return nil, err
	}
	answer, err := s.nodes[id].answer(ctx, request)
	if err != nil {
		return nil, err
	}
	return answer, s.travel(ctx, id)
}

func (s seat) travel(ctx context.Context, id string) error {
	select {
	case <-time.After(oneWay):
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	away := s.away[id]
	s.mu.Unlock()
	if away {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (c *company) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// meeting has three nodes, n1 to n3, that have applied index 7 and have been there for long, in virtual time.
func meeting(t *testing.T, story func(t *testing.T, c *company)) {
	synctest.Test(t, func(t *testing.T) {
		c := &company{nodes: map[string]*drainage{}, posts: map[string]*registry.Publisher{}, away: map[string]bool{}, first: map[string]bool{}, calls: map[string]int{}}
		for i := range 3 {
			id, label := fmt.Sprint("R", i+1), fmt.Sprint("n", i+1)
			c.posts[id] = registry.NewPublisher(registry.NewState())
			c.apply(id, 7)
			c.nodes[id] = &drainage{cluster: seat{c, id}, label: label, roster: roster.New(time.Now().Add(-roster.Memory)), await: c.posts[id].Await}
		}
		story(t, c)
	})
}

func (c *company) apply(id string, index uint64) {
	edit := c.posts[id].State().Edit()
	edit.SetIndex(index)
	c.posts[id].Publish(edit.Commit(), nil)
}

func (c *company) join(t *testing.T, id, name string) *roster.Watch {
	t.Helper()
	w, err := c.nodes[id].roster.Join(name, "payments")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (c *company) confirm(t *testing.T, id string, w *roster.Watch, index uint64) {
	t.Helper()
	w.Sent(index)
	if err := c.nodes[id].roster.Confirm(w.ID(), index); err != nil {
		t.Error(err)
	}
}

// drain has n1 drain payments of what went at 7.
func (c *company) drain(ctx context.Context, atMost time.Duration) (wire.Drained, time.Duration) {
	began := time.Now()
	drained := c.nodes["R1"].drain(ctx, "payments", 7, atMost)
	return drained, time.Since(began)
}

func wantDrained(t *testing.T, got wire.Drained, confirmed int, unconfirmed ...string) {
	t.Helper()
	want := wire.Drained{Confirmed: confirmed, Unconfirmed: append([]string{}, unconfirmed...)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
