package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// Member is this process as a part of the cluster. Its methods may be called from many goroutines at once.
type Member struct {
	config   Config
	identity *identity
	port     *port
	peers    *peers
	gossip   *gossip
	storage  Storage

	transport  *raft.NetworkTransport
	raft       *raft.Raft
	leadership *leadership
	announcer  *announcer
	freshness  freshness
	contact    contact                       // of this node as the leader with the others
	expelled   atomic.Pointer[expelledError] // nil while this node is a member, or may become one

	gate        gate          // before Raft's log
	handingOver chan struct{} // has room for one: for whoever shuts the gate

	letIn        sync.Mutex               // held while a node is let in
	rounds       *coalescer[confirmation] // for this node's readers
	leaderRounds *coalescer[confirmation] // that this node does as the leader, for all nodes

	approached atomic.Bool // all addresses to join have been asked once

	end       context.CancelFunc // ends the context of the member's goroutines
	wait      sync.WaitGroup     // for those goroutines
	raftEnded chan struct{}      // closed when Raft has given its last answer
	failed    chan error
}

// New opens the member's files and its peer port. Nothing is sent before [Member.Start]. The context bounds New alone.
func New(ctx context.Context, c Config) (_ *Member, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := &Member{
		config: c.withDefaults(), handingOver: make(chan struct{}, 1),
		end: func() {}, raftEnded: make(chan struct{}), failed: make(chan error, 1),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close(ctx))
		}
	}()
	if m.identity, err = openIdentity(c.DataDir, m.fail); err != nil {
		return nil, err
	}
	if m.storage, err = m.openStorage(); err != nil {
		return nil, err
	}
	if err = m.identity.keep(); err != nil {
		return nil, err
	}
	if m.port, err = openPort(ctx, c.Network, c.PeerAddr, m.RaftID(), m.identity.clusterID, c.Log); err != nil {
		return nil, err
	}
	if err = m.introduction().fits(); err != nil {
		return nil, err
	}
	m.peers = newPeers(m.port.connections, m.RaftID(), m.identity.clusterID, c.Log)
	m.leadership = newLeadership()
	m.rounds = newCoalescer(m.confirm)
	m.leaderRounds = newCoalescer(m.confirmAsLeader)
	m.handlePeers()
	return m, nil
}

// Handle sets who answers the calls of a name that other nodes send with [Member.Call]. Only before Start.
func (m *Member) Handle(name string, h Handler) { m.peers.handle(name, h) }

// Start takes part: it opens Raft, answers other nodes, and looks for them. It returns at once; whether a leader is known
// tells [Member.Leader]. After an error, call [Member.Close].
func (m *Member) Start() error {
	if err := m.startGossip(); err != nil {
		return err
	}
	if err := m.startRaft(); err != nil {
		return err
	}
	var ctx context.Context
	ctx, m.end = context.WithCancel(context.Background())
	m.wait.Go(func() {
		if err := m.peers.serve(m.port.rpc); err != nil {
			m.fail(fmt.Errorf("serve the peer port: %w", err))
		}
	})
	m.wait.Go(func() { m.watchLeadership(ctx) })
	m.wait.Go(func() { m.announcer.run(ctx) })
	m.wait.Go(func() { m.keepFresh(ctx) })
	m.wait.Go(func() { m.seekNeighbours(ctx) })
	m.wait.Go(func() { m.belong(ctx) })
	m.wait.Go(func() { m.notice(ctx) })
	return nil
}

func (m *Member) startRaft() error {
	raftID := m.identity.get().RaftID
	m.transport = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:                raftStream{connQueue: m.port.raft, port: m.port},
		ServerAddressProvider: addressBook{m},
		MaxPool:               3,
		Timeout:               10 * time.Second,
		Logger:                raftLogger(m.config.Log.With("part", "raft")),
	})
	skipSnapshot, err := m.storage.Settle(m.config.Machine.Applied())
	if err != nil {
		return err
	}
	config := m.config.raftConfig(raftID, skipSnapshot, m.leadership.changes)
	m.announcer = newAnnouncer(m)
	machine := announcedMachine{Machine: m.config.Machine, announce: m.announcer.committed}
	if m.raft, err = m.storage.StartRaft(config, machine, drainedTransport{m.transport}); err != nil {
		return err
	}
	m.leadership.observe(m.raft)
	return m.leadAlone()
}

func (m *Member) startGossip() error {
	c := m.config
	var err error
	m.gossip, err = openGossip(c, m.RaftID(), m.introduction())
	return err
}

// introduction is what this node tells of itself by gossip.
func (m *Member) introduction() meta {
	c := m.config
	return meta{
		Label: c.Label, ClusterID: m.ClusterID(), Expect: c.Expect, NonVoter: c.NonVoter,
		HTTP: c.AdvertiseHTTP, Peer: m.PeerAddr(),
		Zone: c.Zone, DC: c.Datacenter, Version: c.Version, Commands: c.Commands, Extra: c.Meta,
	}
}

// RaftID is the id of this data directory among the servers of Raft.
func (m *Member) RaftID() string { return m.identity.get().RaftID }

// Founder tells whether the cluster was formed while this process was a part of it. There is nothing then that an earlier
// process of this node could have told anybody.
func (m *Member) Founder() bool { return m.identity.isFounder() }

// ClusterID is the cluster that this node belongs to; empty as long as there is none.
func (m *Member) ClusterID() string { return m.identity.get().ClusterID }

// PeerAddr is where other nodes reach this one.
func (m *Member) PeerAddr() string {
	if m.config.AdvertisePeer != "" {
		return m.config.AdvertisePeer
	}
	return m.port.listener.Addr().String()
}

// GossipAddr is where gossip reaches this node.
func (m *Member) GossipAddr() string { return m.gossip.address }

// Failed gives the error after which this process can't be a member any more and must end.
func (m *Member) Failed() <-chan error { return m.failed }

func (m *Member) fail(err error) {
	select {
	case m.failed <- err:
	default: // one reason is enough
	}
}

// Call asks another node, given by its Raft id. After an error that is neither [ErrNotLeader] nor [ErrUnreachable] the
// other node may have done what it was asked.
func (m *Member) Call(ctx context.Context, raftID, name string, request []byte) ([]byte, error) {
	address, err := m.peerAddress(raftID)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return m.peers.call(ctx, address, name, request)
}

// goodbyeTimeout bounds each of the polite parts of a stop.
const goodbyeTimeout = time.Second

// Close says goodbye to gossip, stops, and closes the files; a leader should [Member.HandOver] first. The node stays a
// member of the cluster. The context bounds the polite part; the files are closed in any case. It copes with a member that
// was started half-way or not at all. It is called once.
func (m *Member) Close(ctx context.Context) error {
	var errs []error
	m.end()
	if m.rounds != nil {
		m.rounds.close()
		m.leaderRounds.close()
	}
	if m.gossip != nil {
		errs = append(errs, m.gossip.close(goodbyeTimeout))
	}
	if m.peers != nil {
		errs = append(errs, m.peers.close(ctx))
	}
	errs = append(errs, m.closeRaft())
	m.wait.Wait()
	if m.storage != nil {
		errs = append(errs, m.storage.Close())
	}
	return errors.Join(errs...)
}

// closeRaft ends Raft and the port. Raft waits for the answers of other nodes, so the port is closed, and with it every
// connection, before Raft is waited for.
func (m *Member) closeRaft() error {
	var stopped raft.Future
	var errs []error
	if m.raft != nil {
		stopped = m.raft.Shutdown()
	}
	if m.transport != nil {
		errs = append(errs, m.transport.Close())
	}
	if m.port != nil {
		m.port.close()
	}
	if stopped != nil {
		errs = append(errs, stopped.Error())
		m.leadership.close()
	}
	close(m.raftEnded)
	return errors.Join(errs...)
}
