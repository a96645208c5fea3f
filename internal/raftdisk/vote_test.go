package raftdisk

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
)

// tornStore loses its power in the middle of a vote: what names the candidate is not written any more.
type tornStore struct {
	raft.StableStore
	dead bool
}

func (s *tornStore) Set(key, value []byte) error {
	if s.dead && (string(key) == string(keyVoteCandidate) || string(key) == string(keyVote)) {
		return errors.New("the power is gone")
	}
	return s.StableStore.Set(key, value)
}

// A node whose log goes to term 5 has voted for node-3 in that term. In term 6 it begins to vote for node-2 and crashes
// half-way. Then node-3 asks for term 6, with a log that lacks what a majority has acknowledged.
//
// It must not get the vote. With hashicorp/raft's two writes it does, since it stands beside the new term as the candidate
// that this node has voted for: that is what the one write is for, and what this test would show without it.
func TestAVoteThatWasTornIsNotGivenToACandidateWithAStaleLog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		as      func(raft.StableStore) raft.StableStore
		granted bool
	}{
		{"two writes", func(s raft.StableStore) raft.StableStore { return s }, true},
		{"one write", func(s raft.StableStore) raft.StableStore { return &voteStore{StableStore: s} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			disk := raft.NewInmemStore()
			_, transport := raft.NewInmemTransport("node-1")
			snapshots := raft.NewInmemSnapshotStore()
			if err := raft.BootstrapCluster(patient("node-1"), disk, disk, snapshots, transport, three("node-1")); err != nil {
				t.Fatal(err)
			}
			if err := disk.StoreLogs(entriesOf(5, 2, 10)); err != nil {
				t.Fatal(err)
			}
			stable := c.as(disk)
			if err := errors.Join(stable.SetUint64(keyVoteTerm, 5), stable.Set(keyVoteCandidate, []byte("node-3"))); err != nil {
				t.Fatal(err)
			}

			// ask starts the node, asks it for the vote of term 6, and stops it.
			ask := func(stable raft.StableStore, candidate string, lastIndex, lastTerm uint64) (granted bool) {
				t.Helper()
				address, transport := raft.NewInmemTransport("node-1")
				r, err := raft.NewRaft(patient("node-1"), newMachine(), disk, stable, snapshots, transport)
				if err != nil {
					t.Fatal(err)
				}
				_, peer := raft.NewInmemTransport(raft.ServerAddress(candidate))
				peer.Connect(address, transport)
				var answer raft.RequestVoteResponse
				request := &raft.RequestVoteRequest{RPCHeader: headerOf(candidate), Term: 6, LastLogIndex: lastIndex, LastLogTerm: lastTerm}
				if err := errors.Join(peer.RequestVote("node-1", address, request, &answer), r.Shutdown().Error()); err != nil {
					t.Fatal(err)
				}
				return answer.Granted
			}
			if ask(c.as(&tornStore{StableStore: disk, dead: true}), "node-2", 10, 5) {
				t.Error("a vote was given that could not be written")
			}
			if granted := ask(c.as(disk), "node-3", 1, 1); granted != c.granted {
				t.Errorf("the candidate with the stale log asks for the vote: granted is %v", granted)
			}
			if !c.granted && !ask(c.as(disk), "node-2", 10, 5) {
				t.Error("the candidate for whom the vote was meant does not get it")
			}
		})
	}
}
