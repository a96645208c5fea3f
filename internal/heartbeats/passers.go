package heartbeats

import (
	"context"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/pause"
)

// CallPulse is the call with which a leader asks a node that passes heartbeats on whether it is there.
const CallPulse = "pulse"

const (
	// pulseInterval is the time between two such questions, and silentAfter how long a node may take to answer one. Together
	// they are less than the shortest lease. A lease that has less time left when its node dies may still run out before its
	// grace begins: the promise is about heartbeats that were acknowledged, and holds all the same.
	pulseInterval = 250 * time.Millisecond
	silentAfter   = 500 * time.Millisecond

	// pulsePause is how long to wait before a node is asked again that could not be.
	pulsePause = 50 * time.Millisecond
)

// passers are the nodes that have passed heartbeats on to this leader. Raft would notice that one of them is cut off only
// after 10 s, and what gossip says of a node is no reason to decide anything.
type passers struct {
	mu    sync.Mutex
	nodes map[string]bool // by Raft id: whether somebody watches it
}

// note adds a node, which may be known.
func (p *passers) note(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nodes == nil {
		p.nodes = map[string]bool{}
	}
	if !p.nodes[id] {
		p.nodes[id] = false
	}
}

// unwatched are the nodes that nobody watches yet, and are to be watched from now on.
func (p *passers) unwatched() (ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, watched := range p.nodes {
		if !watched {
			p.nodes[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// lose removes a node, until it passes heartbeats on once more.
func (p *passers) lose(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.nodes, id)
}

// forget removes all.
func (p *passers) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.nodes)
}

// watch asks a node again and again whether it is there, and tells the leases once it does not answer.
func (k *Keeper) watch(ctx context.Context, id string) {
	if id == k.office.RaftID() {
		return
	}
	for k.pulse(ctx, id) {
		if !pause.For(ctx, pulseInterval) {
			return
		}
	}
	if ctx.Err() != nil {
		return
	}
	k.passers.lose(id)
	k.leases.NodeSilent(id)
	k.logger.Info("a node that passes heartbeats on does not answer: its leases get a grace", "raft_id", id)
}

// pulse tells whether a node answers within its time. Where this process itself was stopped meanwhile, that is no answer.
func (k *Keeper) pulse(ctx context.Context, id string) bool {
	for {
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, silentAfter)
		there := k.answers(limited, id)
		cancel()
		if there || ctx.Err() != nil {
			return there
		}
		if time.Since(began) < 2*silentAfter {
			return false
		}
	}
}

// answers asks until the node answers or ctx ends: a connection that was lost says nothing of the node.
func (k *Keeper) answers(ctx context.Context, id string) bool {
	for {
		if _, err := k.office.Call(ctx, id, CallPulse, nil); err == nil {
			return true
		}
		if !pause.For(ctx, pulsePause) {
			return false
		}
	}
}

// AnswerPulse answers [CallPulse].
func (k *Keeper) AnswerPulse(context.Context, []byte) ([]byte, error) { return nil, nil }
