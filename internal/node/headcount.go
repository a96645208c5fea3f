package node

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/roster"
	"github.com/musterhq/muster/internal/wire"
)

// headcount puts together what the nodes say during one drain. Its methods may be called from many goroutines at once.
type headcount struct {
	settled func() // called when nobody is left to wait for

	mu    sync.Mutex
	nodes map[string]*heard // by Raft id
	found map[string]bool   // the names that broke off on one node and have confirmed on another
	over  bool
}

// heard is what is known of one node.
type heard struct {
	label    string
	silent   bool // it did not answer, or not when it was asked last
	standing roster.Standing
}

func newHeadcount(servers []cluster.Server, settled func()) *headcount {
	t := &headcount{settled: settled, nodes: map[string]*heard{}, found: map[string]bool{}}
	for _, s := range servers {
		t.nodes[s.RaftID] = &heard{label: s.Label, silent: true}
	}
	return t
}

// hear takes a node's answer to a question that was asked under ctx.
func (t *headcount) hear(ctx context.Context, raftID string, answer roster.Standing, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.nodes[raftID]
	switch {
	case t.over || err != nil && errors.Is(ctx.Err(), context.Canceled):
		return // the question was given up, which says nothing of the node
	case err != nil:
		of.silent = true
		return
	}
	of.silent, of.standing = false, answer
	for _, name := range answer.Found {
		t.found[name] = true
	}
	for _, n := range t.nodes {
		if t.waitsFor(n) {
			return
		}
	}
	t.over = true
	t.settled()
}

// waitsFor tells whether the node itself may still say something that would change the result.
func (t *headcount) waitsFor(n *heard) bool {
	return n.silent || n.standing.Young || len(n.standing.Pending) > 0 || slices.ContainsFunc(n.standing.Lost, t.missing)
}

func (t *headcount) missing(name string) bool { return !t.found[name] }

// open tells whether there is something to ask a node, and which names are sought.
func (t *headcount) open(raftID string) (sought []string, open bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, n := range t.nodes {
		if id == raftID {
			continue // it looks among its own watches first
		}
		for _, name := range n.standing.Lost {
			if t.missing(name) {
				sought = append(sought, name)
			}
		}
	}
	return sought, len(sought) > 0 || t.waitsFor(t.nodes[raftID])
}

// drained is what is known now.
func (t *headcount) drained() wire.Drained {
	t.mu.Lock()
	defer t.mu.Unlock()
	confirmed := 0
	names, nodes := map[string]bool{}, map[string]bool{}
	for _, n := range t.nodes {
		confirmed += n.standing.Confirmed
		if n.silent || n.standing.Young {
			nodes[roster.NodePrefix+n.label] = true
		}
		for _, name := range n.standing.Pending {
			names[name] = true
		}
		for _, name := range n.standing.Lost {
			if t.missing(name) {
				names[name] = true
			}
		}
	}
	unconfirmed := append(slices.Sorted(maps.Keys(names)), slices.Sorted(maps.Keys(nodes))...)
	return wire.Drained{Confirmed: confirmed, Unconfirmed: append([]string{}, unconfirmed...)}
}
