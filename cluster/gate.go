package cluster

import (
	"context"
	"sync"
)

// gate keeps new entries away from Raft while leadership is handed over, and lets those on their way get there first.
// Raft would answer an entry that is under way when it steps down as lost, though the next leader may well commit it: its
// writer would have to live with not knowing. A write that finds the gate shut simply goes to the next leader.
type gate struct {
	mu     sync.Mutex
	shut   bool
	inside int
	empty  chan struct{} // closed when the last one leaves the shut gate; nil if nobody waits for that
}

// enter is for an entry that wants to pass; where it may, leave must be called when it is through.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.inside++
	return true
}

// closing tells those inside that someone wants them to leave.
func (g *gate) closing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// close shuts the gate and waits until all who were inside have left, or ctx ends. One at a time may do so, and must open
// it again.
func (g *gate) close(ctx context.Context) {
	g.mu.Lock()
	g.shut = true
	if g.inside == 0 {
		g.mu.Unlock()
		return
	}
	empty := make(chan struct{})
	g.empty = empty
	g.mu.Unlock()
	select {
	case <-empty:
	case <-ctx.Done():
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut, g.empty = false, nil
}
