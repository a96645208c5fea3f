package checks

import (
	"context"
	"sync"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/pause"
)

// CallRoll is the call by which a node shows that it is there.
const CallRoll = "check-roll"

const (
	// rollInterval is how often a node looks who is there, and absentAfter for how long another may say nothing. Gossip takes
	// up to 7 s to call a node dead, and its instances are to be asked again within 5 s and their interval.
	rollInterval = 500 * time.Millisecond
	absentAfter  = 2 * time.Second
)

// Company is what a [Roll] needs of the membership. [cluster.Member] is one.
type Company interface {
	RaftID() string
	Neighbours() []cluster.Neighbour
	Call(ctx context.Context, raftID, name string, request []byte) ([]byte, error)
}

// Roll looks which nodes are there to share the instances: those that gossip calls alive and that answer this node. One that
// is there although this node thinks otherwise goes on with its share, so being wrong costs a question asked twice.
type Roll struct {
	company Company
	shares  *Shares
	look    func([]cluster.Neighbour)
	changed func()

	looked time.Time // the last time; for Run

	mu      sync.Mutex
	heard   map[string]time.Time // of nodes that gossip calls alive: when they last answered
	calling map[string]bool
}

// NewRoll makes a roll that sets shares. It calls look each time with all nodes that gossip knows of, and changed after the
// shares are other ones; both from one goroutine.
func NewRoll(company Company, shares *Shares, look func([]cluster.Neighbour), changed func()) *Roll {
	return &Roll{company: company, shares: shares, look: look, changed: changed, heard: map[string]time.Time{}, calling: map[string]bool{}}
}

// Run looks again and again, until ctx ends.
func (r *Roll) Run(ctx context.Context) {
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		r.excuse(time.Now())
		neighbours := r.company.Neighbours()
		r.look(neighbours)
		if r.shares.Set(r.present(neighbours, time.Now())) {
			r.changed()
		}
		for _, id := range r.toCall(neighbours) {
			calls.Go(func() { r.call(ctx, id) })
		}
		if !pause.For(ctx, rollInterval) {
			return
		}
	}
}

// excuse has nobody be absent for having said nothing while this process itself was stopped.
func (r *Roll) excuse(now time.Time) {
	if pause := now.Sub(r.looked); pause > absentAfter/2 {
		r.mu.Lock()
		defer r.mu.Unlock()
		for id := range r.heard {
			r.heard[id] = now
		}
	}
	r.looked = now
}

// present are the nodes that are there. One that gossip has just begun to call alive has the benefit of the doubt.
func (r *Roll) present(neighbours []cluster.Neighbour, now time.Time) (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range neighbours {
		if !n.Alive {
			delete(r.heard, n.RaftID)
			continue
		}
		heard, known := r.heard[n.RaftID]
		if !known {
			heard, r.heard[n.RaftID] = now, now
		}
		if now.Sub(heard) <= absentAfter {
			ids = append(ids, n.RaftID)
		}
	}
	return ids
}

// toCall are the nodes to be called now: each one by one call at a time.
func (r *Roll) toCall(neighbours []cluster.Neighbour) (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range neighbours {
		if n.Alive && n.RaftID != r.company.RaftID() && !r.calling[n.RaftID] {
			r.calling[n.RaftID] = true
			ids = append(ids, n.RaftID)
		}
	}
	return ids
}

// call asks a node whether it is there.
func (r *Roll) call(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, absentAfter/2)
	defer cancel()
	_, err := r.company.Call(ctx, id, CallRoll, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calling, id)
	if err == nil {
		r.heard[id] = time.Now()
	}
}

// AnswerRoll answers [CallRoll].
func (r *Roll) AnswerRoll(context.Context, []byte) ([]byte, error) { return nil, nil }
