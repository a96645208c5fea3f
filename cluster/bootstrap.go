package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/raft"
	"github.com/oklog/ulid/v2"
)

// The calls with which a new cluster is formed.
const (
	callFree    = "bootstrap/free"    // have you no cluster and promised none?
	callPromise = "bootstrap/promise" // promise to be part of this cluster
)

// propose forms a new cluster once as many nodes have met as all of them expect. Only the one with the lowest Raft id
// proposes; the others wait for it.
//
// A cluster is not formed by what gossip says: two halves of a network could each form one. Every voter must first have
// promised itself, on its disk, to exactly this cluster, and each data directory promises once. So two clusters that were
// formed never share a voter.
func (m *Member) propose(ctx context.Context, neighbours []neighbour) error {
	voters := slices.DeleteFunc(neighbours, func(n neighbour) bool {
		return n.Expect != m.config.Expect || n.ClusterID != "" || n.NonVoter
	})
	if len(voters) < m.config.Expect {
		return waiting{fmt.Errorf("%d of the %d voters that it expects have met, this one included", len(voters), m.config.Expect)}
	}
	slices.SortFunc(voters, func(a, b neighbour) int { return strings.Compare(a.RaftID, b.RaftID) })
	voters = voters[:m.config.Expect]
	if voters[0].RaftID != m.RaftID() {
		return waiting{fmt.Errorf("node %q at %s is to form the cluster", voters[0].Label, voters[0].Peer)}
	}
	servers := make([]Server, len(voters))
	for i, v := range voters {
		servers[i] = Server{RaftID: v.RaftID, Label: v.Label, Peer: v.Peer, Commands: v.Commands}
		same := slices.IndexFunc(servers[:i], func(s Server) bool { return s.Label == v.Label })
		if same >= 0 {
			return fmt.Errorf("two nodes are called %q (at %s and %s): give each its own --node-id", v.Label, servers[same].Peer, v.Peer)
		}
	}
	// A promise binds for good, so it is asked for only when all are likely to give it.
	if err := m.askAll(ctx, servers, callFree, nil); err != nil {
		return err
	}
	return m.form(ctx, promise{ClusterID: ulid.Make().String(), Servers: servers})
}

// form collects the promises, its own first, and then lets Raft begin. It may be tried again and again.
func (m *Member) form(ctx context.Context, p promise) error {
	if err := m.identity.promise(p); err != nil {
		return err
	}
	request, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := m.askAll(ctx, p.Servers, callPromise, request); err != nil {
		return err
	}
	var configuration raft.Configuration
	for _, s := range p.Servers {
		configuration.Servers = append(configuration.Servers, raft.Server{ID: raft.ServerID(s.RaftID), Address: s.address()})
	}
	if err := m.raft.BootstrapCluster(configuration).Error(); err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
		return err
	}
	m.config.Log.Info("a new cluster was formed", "cluster", p.ClusterID, "voters", len(p.Servers))
	if err := m.leadAlone(); err != nil {
		return err
	}
	return m.joined(p.ClusterID, len(p.Servers))
}

// askAll puts a question to all servers but this one; each must agree.
func (m *Member) askAll(ctx context.Context, servers []Server, call string, request []byte) error {
	for _, s := range servers {
		if s.RaftID == m.RaftID() {
			continue
		}
		if err := m.askVoter(ctx, s, call, request); err != nil {
			return fmt.Errorf("node %q can't be part of a new cluster: %w", s.Label, err)
		}
	}
	return nil
}

func (m *Member) askVoter(ctx context.Context, s Server, call string, request []byte) error {
	ctx, cancel := context.WithTimeout(ctx, belongTimeout)
	defer cancel()
	_, err := m.Call(ctx, s.RaftID, call, request)
	return err
}

func (m *Member) answerFree(context.Context, []byte) ([]byte, error) {
	if id := m.identity.clusterID(); id != "" {
		return nil, fmt.Errorf("it belongs, or has promised itself, to cluster %s", id)
	}
	return nil, nil
}

func (m *Member) answerPromise(_ context.Context, b []byte) ([]byte, error) {
	var p promise
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(p.Servers, func(s Server) bool { return s.RaftID == m.RaftID() }) {
		return nil, errors.New("it is not among the voters of that cluster")
	}
	return nil, m.identity.promise(p)
}
