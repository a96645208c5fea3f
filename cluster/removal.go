package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/fault"
)

// callRemove asks the leader to remove a server.
const callRemove = "remove"

type removeRequest struct {
	Node  string `json:"node"`
	Force bool   `json:"force,omitempty"`
}

// Remove takes a node, given by its label or Raft id, out of the configuration. It can be called on any node. Where the
// node leads, it hands over first. What would leave the voters without a majority that answers is refused with
// [fault.ErrConflict], unless it is forced; a node that is not there is [fault.ErrNodeNotFound].
func (m *Member) Remove(ctx context.Context, node string, force bool) (Server, error) {
	d, err := m.atLeader(ctx, callRemove, removeRequest{node, force})
	return d.Node, err
}

func (m *Member) answerRemove(ctx context.Context, b []byte) ([]byte, error) {
	var request removeRequest
	if err := json.Unmarshal(b, &request); err != nil {
		return nil, err
	}
	if !m.Leads() {
		return nil, ErrNotLeader
	}
	return answerDecree(m.remove(ctx, request))
}

// remove removes a server as the leader. [ErrNotLeader] says that another node leads now, which has to be asked again.
func (m *Member) remove(ctx context.Context, request removeRequest) (decree, error) {
	servers, index := m.configuration()
	s, err := m.serverNamed(request.Node)
	if err != nil {
		return decree{}, err
	}
	if err := m.spared(ctx, servers, s, request.Force); err != nil {
		return decree{}, err
	}
	at := serverOf(s)
	if string(s.ID) == m.RaftID() {
		if _, err := m.handOver(ctx, m.successors()); err != nil {
			return decree{}, err
		}
		return decree{}, ErrNotLeader
	}
	if err := m.removeServer(ctx, s.ID, index); err != nil {
		return decree{}, err
	}
	m.config.Log.Info("a node was removed on demand", "node", at.Label, "raft_id", s.ID, "forced", request.Force)
	return decree{Leader: m.config.Label, Node: Server{RaftID: string(s.ID), Label: at.Label, Peer: at.Peer}}, nil
}

// spared tells whether the others could do without a server: a majority of the voters among them answers.
func (m *Member) spared(ctx context.Context, servers []raft.Server, s raft.Server, force bool) error {
	if s.Suffrage != raft.Voter {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(servers), func(other raft.Server) bool {
		return other.ID == s.ID || other.Suffrage != raft.Voter
	})
	if len(others) == 0 {
		return fmt.Errorf("%w: node %q is the only one with a vote; without it there is no cluster", fault.ErrConflict, serverOf(s).Label)
	}
	if force {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, spareTimeout)
	defer cancel()
	answers := m.statuses(ctx, others)
	if needed := len(others)/2 + 1; len(answers) < needed {
		return fmt.Errorf("%w: without node %q there are %d voters, of which %d must answer and %d do: the cluster would lose its majority; "+
			"bring nodes back, or remove those that are gone first", fault.ErrConflict, serverOf(s).Label, len(others), needed, len(answers))
	}
	return nil
}

// spareTimeout is how long the voters may take to show that they could do without another.
const spareTimeout = 2 * time.Second

// removeServer changes the configuration, if it still is the one at an index.
func (m *Member) removeServer(ctx context.Context, id raft.ServerID, index uint64) error {
	err := m.settled(ctx, m.raft.RemoveServer(id, index, enqueueTimeout))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ctx.Err()):
		return fault.Unknown(fmt.Errorf("%w while a majority was asked to store the removal", fault.ErrTimeout))
	case strings.HasPrefix(err.Error(), "configuration changed since"): // Raft has no other name for it
		return fmt.Errorf("%w: another change of the membership came in between; try again", fault.ErrConflict)
	default:
		return commitError(err)
	}
}

// removeExpendable removes a server that is gone for good, if it still is.
func (m *Member) removeExpendable(ctx context.Context, id raft.ServerID) {
	servers, index := m.configuration()
	s, ok := serverIn(servers, id)
	if !ok {
		return
	}
	reason := m.expendable(s)
	if reason == "" {
		return
	}
	log := m.config.Log.With("node", serverOf(s).Label, "raft_id", id, "reason", reason)
	if err := m.removeServer(ctx, id, index); err != nil {
		log.Warn("a node that is gone could not be removed yet", "error", err)
		return
	}
	log.Info("a node that is gone was removed")
}

// serverNamed finds a server by its Raft id or its label.
func (m *Member) serverNamed(name string) (raft.Server, error) {
	servers := m.servers()
	if s, ok := serverIn(servers, raft.ServerID(name)); ok {
		return s, nil
	}
	named := namesakes(servers, name, "")
	switch len(named) {
	case 0:
		return raft.Server{}, fmt.Errorf("%w: no node of the cluster is called %q", fault.ErrNodeNotFound, name)
	case 1:
		return named[0], nil
	default:
		ids := make([]string, len(named))
		for i, s := range named {
			ids[i] = string(s.ID)
		}
		return raft.Server{}, fmt.Errorf("%w: %d nodes are called %q, one taking the place of another; name the one that is meant by its raft_id: %s",
			fault.ErrConflict, len(named), name, strings.Join(ids, ", "))
	}
}
