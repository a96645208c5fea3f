package node

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/roster"
	"github.com/musterhq/muster/internal/wire"
)

// callStanding asks a node how its watches of a service stand to an index.
const callStanding = "drain-standing"

const (
	// longestQuestion is how long a node may keep a question while watches are pending there. After that it is asked again,
	// so that what is known is never much older, and a node that has fallen silent is noticed.
	longestQuestion = time.Second

	// questionPause is the time between two questions to a node at most. It is shorter at first: what one node says may be
	// what another is to be asked about.
	questionPause = 100 * time.Millisecond
	firstPause    = 5 * time.Millisecond

	// answerGrace is how long an answer may be on its way: at the end of a drain the nodes are still heard for so long.
	answerGrace = 250 * time.Millisecond
)

// question is the body of [callStanding]; a [roster.Standing] answers it.
type question struct {
	Service string        `json:"service"`
	Index   uint64        `json:"index"`
	Wait    time.Duration `json:"wait"`             // for the index to be applied here, and for watches that are pending then
	Sought  []string      `json:"sought,omitempty"` // names that broke off on other nodes
}

// fellowship is what a [drainage] needs of the membership. [cluster.Member] is one. Its methods are called from several
// goroutines at once.
type fellowship interface {
	RaftID() string

	// Founder tells whether this process was there when the cluster was formed.
	Founder() bool

	// Servers are all nodes of the cluster.
	Servers() []cluster.Server

	// Call asks another node.
	Call(ctx context.Context, raftID, name string, request []byte) ([]byte, error)
}

// drainage waits, all over the cluster, until those who watch a service and want to be waited for have confirmed that an
// instance is gone.
type drainage struct {
	cluster fellowship
	label   string // of this node
	roster  *roster.Roster
	await   func(ctx context.Context, index uint64) error // until this node has applied an index
}

func (n *Node) prepareDrains() {
	n.drainage = &drainage{cluster: n.member, label: n.config.ID, roster: n.roster, await: n.Await}
	n.member.Handle(callStanding, n.drainage.answer)
}

// Roster is the acknowledging watches of this node.
func (n *Node) Roster() *roster.Roster { return n.roster }

// Drain waits until every acknowledging watch of a service, on any node, has confirmed an index, until the time is over or
// until ctx ends, and says what is known then.
func (n *Node) Drain(ctx context.Context, service string, index uint64, atMost time.Duration) wire.Drained {
	return n.drainage.drain(ctx, service, index, atMost)
}

func (d *drainage) drain(ctx context.Context, service string, index uint64, atMost time.Duration) wire.Drained {
	deadline := time.Now().Add(atMost)
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(answerGrace))
	defer cancel()
	servers := d.servers()
	t := newHeadcount(servers, cancel)
	var nodes sync.WaitGroup
	for _, s := range servers {
		nodes.Go(func() { d.follow(ctx, s, question{Service: service, Index: index}, deadline, t) })
	}
	nodes.Wait()
	return t.drained()
}

// servers is this node and all others.
func (d *drainage) servers() []cluster.Server {
	servers := []cluster.Server{{RaftID: d.cluster.RaftID(), Label: d.label}}
	for _, s := range d.cluster.Servers() {
		if s.RaftID != d.cluster.RaftID() {
			servers = append(servers, s)
		}
	}
	return servers
}

// follow asks one node again and again, as long as its answer may still change the result, until the deadline.
func (d *drainage) follow(ctx context.Context, s cluster.Server, q question, deadline time.Time, t *headcount) {
	for pause := firstPause; ; pause = min(2*pause, questionPause) {
		var open bool
		q.Sought, open = t.open(s.RaftID)
		q.Wait = min(time.Until(deadline), longestQuestion)
		if open {
			standing, err := d.ask(ctx, s.RaftID, q)
			t.hear(ctx, s.RaftID, standing, err)
		}
		left := time.Until(deadline)
		if left <= 0 {
			return
		}
		select {
		case <-time.After(min(pause, left)):
		case <-ctx.Done():
			return
		}
	}
}

// ask puts a question to a node, which may be this one.
func (d *drainage) ask(ctx context.Context, raftID string, q question) (roster.Standing, error) {
	if raftID == d.cluster.RaftID() {
		return d.standing(ctx, q)
	}
	ctx, cancel := context.WithTimeout(ctx, max(q.Wait, 0)+answerGrace)
	defer cancel()
	request, err := json.Marshal(q)
	if err != nil {
		return roster.Standing{}, err
	}
	answer, err := d.cluster.Call(ctx, raftID, callStanding, request)
	if err != nil {
		return roster.Standing{}, err
	}
	var standing roster.Standing
	return standing, json.Unmarshal(answer, &standing)
}

// answer is this node's answer to [callStanding].
func (d *drainage) answer(ctx context.Context, request []byte) ([]byte, error) {
	var q question
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	standing, err := d.standing(ctx, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(standing)
}

// standing is how the watches of this node stand, once it has applied the index, which is not the case everywhere when the
// deregistration is acknowledged.
func (d *drainage) standing(ctx context.Context, q question) (roster.Standing, error) {
	ctx, cancel := context.WithTimeout(ctx, q.Wait)
	defer cancel()
	if err := d.await(ctx, q.Index); err != nil {
		return roster.Standing{}, fmt.Errorf("index %d is not applied yet: %w", q.Index, err)
	}
	standing := d.roster.Standing(ctx, q.Service, q.Index, q.Sought)
	if d.cluster.Founder() {
		standing.Young = false // before this process nobody could watch anything here
	}
	return standing, nil
}
