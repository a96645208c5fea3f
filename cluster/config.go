package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/raft"
)

// Config says who a member is, where it listens, and whom it looks for.
type Config struct {
	DataDir string // holds the identity, the log, the vote and the snapshots; nobody else may use it

	PeerAddr, GossipAddr           string // bound, host:port; port 0 takes a free one
	AdvertisePeer, AdvertiseGossip string // what others are told; empty means the bound address
	AdvertiseHTTP                  string // host:port of this node's API, for those who ask who leads

	Label      string // the node's name, unique among the live ones
	Zone       string
	Datacenter string
	Version    string
	Meta       map[string]string // small: all that a node says of itself must fit in 512 bytes

	Join     []string // gossip addresses; asked again and again until one answers
	Expect   int      // form a new cluster when so many voters have met; 0 only joins
	NonVoter bool     // joins as a read replica, and never gets a vote

	// DeadAfter is how long a node must be out of contact, by Raft and by gossip, before this node, as the leader, removes
	// it. Too short a time removes nodes that would have come back; they then have to join anew, with an empty disk. 0 is an
	// hour.
	DeadAfter time.Duration

	// Multiplier stretches Raft's times. Too low a value for a slow disk or network makes leaders change without need;
	// a high one makes the end of a leader be noticed later. At least 1.
	Multiplier int

	// SnapshotThreshold is how many entries make Raft take a snapshot, and TrailingLogs how many it keeps behind one. A
	// follower that misses more than it keeps needs a snapshot, which costs more than the entries: few are for tests. 0 is
	// 8,192 and 10,240.
	SnapshotThreshold, TrailingLogs uint64

	Commands int // the newest version of commands that Machine reads

	// Gossip carries what nodes say to each other by gossip; nil is UDP and TCP at the gossip address.
	Gossip memberlist.Transport

	// Storage is for those who keep in memory what a node must not forget, as a simulation may; nil is the data directory. The
	// node's identity is in the data directory in any case.
	Storage Storage

	Network Network
	Machine Machine
	Log     *slog.Logger

	// FreshEvery is how often a node asks how far it must have come. More often is more work for idle nodes; more seldom lets
	// the age of what they show grow in between. 0 is 200 ms.
	FreshEvery time.Duration

	// Tune has the last word on Raft's configuration. Tests hurry it, and simulations have it do less while nothing happens.
	Tune func(*raft.Config)

	pace pace // the usual one; tests only hurry it
}

// deadAfter is long enough for a machine to be repaired in a hurry, or for somebody to come and prolong it.
const deadAfter = time.Hour

func (c Config) withDefaults() Config {
	c.DeadAfter = cmp.Or(c.DeadAfter, deadAfter)
	c.FreshEvery = cmp.Or(c.FreshEvery, freshInterval)
	c.pace = cmp.Or(c.pace, usualPace(c.Multiplier))
	return c
}

// Machine is the state machine that the log drives. Raft calls the methods of [raft.BatchingFSM] on one goroutine of its
// own; the others are called from many at once.
type Machine interface {
	raft.BatchingFSM

	// Applied is the index of the last entry whose effect readers can see.
	Applied() uint64

	// Await returns once Applied is at least index, or ctx ends.
	Await(ctx context.Context, index uint64) error
}

// Validate tells what is wrong with the configuration.
func (c Config) Validate() error {
	switch {
	case c.DataDir == "":
		return errors.New("the data directory is missing")
	case validLabel(c.Label) != nil:
		return validLabel(c.Label)
	case c.Multiplier < 1 || c.Multiplier > 20:
		return fmt.Errorf("a Raft multiplier is from 1 to 20, not %d", c.Multiplier)
	case c.Expect < 0 || c.Expect > 9:
		return fmt.Errorf("a cluster is formed by 1 to 9 voters, not %d", c.Expect)
	case c.Expect == 0 && len(c.Join) == 0:
		return errors.New("a node that expects no cluster of its own needs the address of another to join")
	case c.Expect > 0 && c.NonVoter:
		return errors.New("a read replica takes no part in forming a cluster: leave out the number of expected voters")
	case c.DeadAfter < 0:
		return fmt.Errorf("a node is dead after a time, not after %s", c.DeadAfter)
	case c.Network == nil, c.Machine == nil, c.Log == nil:
		return errors.New("a member needs a network, a state machine and a log")
	}
	return nil
}

// Raft's times, before the multiplier.
const (
	heartbeatTimeout = 500 * time.Millisecond
	electionTimeout  = 500 * time.Millisecond
	leaseTimeout     = 250 * time.Millisecond
)

// A snapshot for a follower that fell behind costs more than the log that would have spared it: the log is kept longer than
// the distance between two snapshots.
const (
	snapshotThreshold = 8192
	trailingLogs      = 10240
)

// raftConfig is Raft's own configuration.
func (c Config) raftConfig(raftID string, skipSnapshot bool, leadership chan<- bool) *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(raftID)
	config.HeartbeatTimeout = heartbeatTimeout * time.Duration(c.Multiplier)
	config.ElectionTimeout = electionTimeout * time.Duration(c.Multiplier)
	config.LeaderLeaseTimeout = leaseTimeout * time.Duration(c.Multiplier)
	config.SnapshotThreshold = cmp.Or(c.SnapshotThreshold, snapshotThreshold)
	config.TrailingLogs = cmp.Or(c.TrailingLogs, trailingLogs)
	if c.SnapshotThreshold > 0 {
		config.SnapshotInterval = time.Second // Raft looks that often whether a snapshot is due
	}
	config.NoSnapshotRestoreOnStart = skipSnapshot
	config.NoLegacyTelemetry = true
	config.NotifyCh = leadership
	config.Logger = raftLogger(c.Log.With("part", "raft"))
	if c.Tune != nil {
		c.Tune(config)
	}
	return config
}
