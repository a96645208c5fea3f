package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
	autopilot "github.com/hashicorp/raft-autopilot"
)

// tendMembers is the leader's duty to keep the configuration what it should be: newcomers that keep up get a vote, servers
// that are gone for good are removed.
//
// hashicorp/raft-autopilot holds the rules of when a server is healthy and stable, and of how many may be removed at a
// time. What is known of the servers it has from [delegate], and whom it may promote from [promoter].
func (m *Member) tendMembers(ctx context.Context) {
	d := &delegate{member: m, remove: func(id raft.ServerID) { m.removeExpendable(ctx, id) }}
	settle := func(f raft.Future) error { return m.settled(ctx, f) }
	pilot := autopilot.New(pilotedRaft{m.raft, m, settle}, d,
		autopilot.WithUpdateInterval(m.config.pace.survey),
		autopilot.WithReconcileInterval(m.config.pace.survey),
		autopilot.WithPromoter(&promoter{member: m}),
		autopilot.WithLogger(raftLogger(m.config.Log.With("part", "autopilot"))),
	)
	pilot.Start(ctx)
	<-ctx.Done()
	<-pilot.Stop()
	d.removals.Wait()
}

// pilotedRaft is Raft in the hands of autopilot: it may ask everything, and do one thing.
type pilotedRaft struct {
	*raft.Raft
	member *Member
	settle func(raft.Future) error // waits for Raft's answer, for as long as this leadership lasts
}

// AddVoter gives a vote to a server that is there and has none. What autopilot knows is up to two surveys old: a server that
// was removed meanwhile must not come back by it.
func (r pilotedRaft) AddVoter(id raft.ServerID, _ raft.ServerAddress, _ uint64, _ time.Duration) raft.IndexFuture {
	servers, index := r.member.configuration()
	s, ok := serverIn(servers, id)
	if !ok || s.Suffrage == raft.Voter {
		return done{err: fmt.Errorf("server %s is not there any more, or has a vote already", id)}
	}
	change := r.Raft.AddVoter(id, s.Address, index, enqueueTimeout)
	if err := r.settle(change); err != nil {
		return done{err: err}
	}
	r.member.config.Log.Info("a node that keeps up was given a vote", "node", serverOf(s).Label, "raft_id", id)
	return done{index: change.Index()}
}

// RemoveServer is for servers that autopilot's delegate does not know. Ours knows all of them.
func (pilotedRaft) RemoveServer(id raft.ServerID, _ uint64, _ time.Duration) raft.IndexFuture {
	return done{err: errors.New("autopilot wants to remove server " + string(id) + ", which is known")}
}

// done is the future of a change that has been answered.
type done struct {
	index uint64
	err   error
}

func (d done) Error() error  { return d.err }
func (d done) Index() uint64 { return d.index }
