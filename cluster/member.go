package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
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
	disk     *raftLog

	transport  *raft.NetworkTransport
	raft       *raft.Raft
	leadership *leadership
	announcer  *announcer
	freshness  freshness

	rounds       *coalescer // read indexes for this node's readers
	leaderRounds *coalescer // read indexes that this node confirms as the leader, for all nodes

	life   context.Context // ends with Close; every goroutine of the member runs under it
	end    context.CancelFunc
	wait   sync.WaitGroup
	failed chan error
}

// New opens the member's files and ports. Nothing is sent before [Member.Start]. The context bounds New alone.
func New(ctx context.Context, c Config) (_ *Member, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := &Member{config: c, failed: make(chan error, 1)}
	m.life, m.end = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close(ctx))
		}
	}()
	dir := filepath.Join(c.DataDir, "raft")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	if m.disk, err = openRaftLog(dir, c); err != nil {
		return nil, err
	}
	if m.identity, err = openIdentity(c.DataDir); err != nil {
		return nil, err
	}
	if m.port, err = openPort(ctx, c.Network, c.PeerAddr, m.identity.clusterID, c.Log); err != nil {
		return nil, err
	}
	m.peers = newPeers(c.Network, m.identity.clusterID, c.Log)
	m.leadership = newLeadership()
	m.rounds = newCoalescer(m.life, m.confirmReadIndex)
	m.leaderRounds = newCoalescer(m.life, m.confirmAsLeader)
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
	m.wait.Go(func() {
		if err := m.peers.serve(m.port.rpc); err != nil {
			m.fail(fmt.Errorf("serve the peer port: %w", err))
		}
	})
	m.wait.Go(m.watchLeadership)
	m.wait.Go(m.announcer.run)
	m.wait.Go(m.keepFresh)
	m.wait.Go(m.seekNeighbours)
	m.wait.Go(m.belong)
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
	skipSnapshot, err := m.disk.startsFromCheckpoint(m.config.Machine.Applied())
	if err != nil {
		return err
	}
	config := m.config.raftConfig(raftID, skipSnapshot, m.leadership.changes)
	m.announcer = newAnnouncer(m)
	machine := announcedMachine{Machine: m.config.Machine, announce: m.announcer.committed}
	m.raft, err = raft.NewRaft(config, machine, m.disk.log, m.disk.stable, m.disk.snapshots, m.transport)
	if err != nil {
		return fmt.Errorf("start Raft: %w", err)
	}
	m.leadership.observe(m.raft)
	return nil
}

func (m *Member) startGossip() error {
	c := m.config
	mine := meta{
		Label: c.Label, Expect: c.Expect, NonVoter: c.NonVoter,
		HTTP: c.AdvertiseHTTP, Peer: m.PeerAddr(),
		Zone: c.Zone, DC: c.Datacenter, Version: c.Version, Extra: c.Meta,
	}
	mine.ClusterID = m.identity.get().ClusterID
	var err error
	m.gossip, err = openGossip(c.GossipAddr, c.AdvertiseGossip, m.identity.get().RaftID, mine, c.Log.With("part", "gossip"))
	return err
}

// RaftID is the id of this data directory among the servers of Raft.
func (m *Member) RaftID() string { return m.identity.get().RaftID }

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
func (m *Member) GossipAddr() string { return m.gossip.address() }

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

// Close says goodbye to gossip, stops, and closes the files; a leader should [Member.HandOver] first. The node stays a
// member of the cluster. The context bounds the polite part; the files are closed in any case. It copes with a member that
// was started half-way or not at all.
func (m *Member) Close(ctx context.Context) error {
	var errs []error
	m.end()
	if m.gossip != nil {
		errs = append(errs, m.gossip.close(time.Second))
	}
	if m.raft != nil {
		errs = append(errs, m.raft.Shutdown().Error())
	}
	if m.transport != nil {
		errs = append(errs, m.transport.Close())
	}
	if m.peers != nil {
		errs = append(errs, m.peers.close(ctx))
	}
	if m.port != nil {
		m.port.close()
	}
	if m.leadership != nil {
		m.leadership.close()
	}
	m.wait.Wait()
	if m.rounds != nil {
		m.rounds.close()
		m.leaderRounds.close()
	}
	if m.disk != nil {
		errs = append(errs, m.disk.close())
	}
	return errors.Join(errs...)
}
