package cluster

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/hashicorp/raft"
	"github.com/oklog/ulid/v2"

	"github.com/musterhq/muster/internal/raftdisk"
)

// Remains are what a stopped node has of a cluster that has lost its majority for good. They are one goroutine's.
type Remains struct {
	dir       string
	rec       record
	disk      *raftdisk.Disk
	servers   []raft.Server
	last      uint64 // index of the newest entry
	lastTerm  uint64
	settled   bool // the storage was found fit to go on with
	raftLog   *slog.Logger
	transport raft.Transport
}

// OpenRemains opens the data directory of a node that does not run; nobody else may use it meanwhile. It changes nothing,
// but for putting away what a crash has left behind, as a start does.
func OpenRemains(dir string, log *slog.Logger) (_ *Remains, err error) {
	id, err := openIdentity(dir, func(error) {})
	if err != nil {
		return nil, err
	}
	if id.isNew || id.get().ClusterID == "" {
		return nil, fmt.Errorf("there is no node of a cluster in %s", dir)
	}
	r := &Remains{dir: dir, rec: id.get(), raftLog: log}
	_, r.transport = raft.NewInmemTransport("") // Raft asks it how addresses are written, and sends nothing
	r.disk, err = raftdisk.Open(raftdisk.Config{
		DataDir: dir, RaftID: r.rec.RaftID, Failed: func(error) {}, Log: log, RaftLog: raftLogger(log),
	})
	if err != nil {
		return nil, err
	}
	if err := r.read(); err != nil {
		return nil, errors.Join(err, r.disk.Close())
	}
	return r, nil
}

// read finds the end of the log, and the newest configuration in it or in the snapshot before it.
func (r *Remains) read() error {
	snapshots, err := r.disk.Snapshots().List()
	if err != nil {
		return err
	}
	if len(snapshots) > 0 {
		r.servers, r.last, r.lastTerm = snapshots[0].Configuration.Servers, snapshots[0].Index, snapshots[0].Term
	}
	log := r.disk.Log()
	first, err := log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := log.LastIndex()
	if err != nil {
		return err
	}
	for index := max(first, r.last+1); index <= last && last > 0; index++ {
		var entry raft.Log
		if err := log.GetLog(index, &entry); err != nil {
			return err
		}
		if entry.Type == raft.LogConfiguration {
			r.servers = raft.DecodeConfiguration(entry.Data).Servers
		}
		r.last, r.lastTerm = entry.Index, entry.Term
	}
	if r.last == 0 {
		return fmt.Errorf("the node in %s has neither a log nor a snapshot: there is nothing to recover", r.dir)
	}
	return nil
}

// Node is the node itself, as far as the configuration knows it.
func (r *Remains) Node() Server {
	s, _ := serverIn(r.servers, raft.ServerID(r.rec.RaftID))
	at := serverOf(s)
	return Server{RaftID: r.rec.RaftID, Label: at.Label, Peer: at.Peer, Commands: at.Commands}
}

// Others are the other servers of the configuration.
func (r *Remains) Others() []Server {
	var others []Server
	for _, s := range r.servers {
		if string(s.ID) != r.rec.RaftID {
			at := serverOf(s)
			others = append(others, Server{RaftID: string(s.ID), Label: at.Label, Peer: at.Peer})
		}
	}
	return others
}

// ClusterID is the cluster that the node belonged to.
func (r *Remains) ClusterID() string { return r.rec.ClusterID }

// Last is the newest entry of the log: its index, and its term.
func (r *Remains) Last() (index, term uint64) { return r.last, r.lastTerm }

// Settle refuses what a start would refuse, given the index up to which the node's own checkpoint goes.
func (r *Remains) Settle(applied uint64) error {
	_, err := r.disk.Settle(applied)
	r.settled = err == nil
	return err
}

// Recover makes the node the only voter of a new cluster, with everything that it has. The machine is used up by it: it must
// be empty, and not be used again. Where it breaks off, it can be done again; until it has succeeded the node can't be
// elected by anybody.
//
// The cluster gets a new id first, so that the others, whose logs may hold something else at the same indexes, can't come
// back to it with what they have.
func (r *Remains) Recover(machine func(clusterID string) raft.FSM) (clusterID string, err error) {
	if !r.settled {
		return "", errors.New("the storage of the node was not found fit to go on with")
	}
	clusterID = ulid.Make().String()
	rec := record{RaftID: r.rec.RaftID, ClusterID: clusterID, Founders: 1}
	id, err := openIdentity(r.dir, func(error) {})
	if err != nil {
		return "", err
	}
	if err := id.change(func(now *record) error { *now = rec; return nil }); err != nil {
		return "", err
	}
	self := r.Node()
	if self.Label == "" {
		// It had been removed from the old configuration. The name and the place that it says to have it gets when it leads.
		self.Label, self.Peer = self.RaftID, "127.0.0.1:0"
	}
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(self.RaftID)
	config.Logger = raftLogger(r.raftLog)
	alone := raft.Configuration{Servers: []raft.Server{{ID: config.LocalID, Address: self.address()}}}
	err = raft.RecoverCluster(config, machine(clusterID), r.disk.Log(), r.disk.Stable(), r.disk.Snapshots(), r.transport, alone)
	if err != nil {
		return "", fmt.Errorf("make the node the only voter: %w", err)
	}
	return clusterID, nil
}

// Close closes the files.
func (r *Remains) Close() error { return r.disk.Close() }
