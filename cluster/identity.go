package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/oklog/ulid/v2"
)

// promise is what a node has bound itself to: to be part of this cluster, formed by these servers, and of no other.
type promise struct {
	ClusterID string   `json:"cluster_id"`
	Servers   []Server `json:"servers"`
}

func (p promise) equal(other promise) bool {
	return p.ClusterID == other.ClusterID && slices.Equal(p.Servers, other.Servers)
}

// record is what the identity file holds.
type record struct {
	RaftID    string   `json:"raft_id"`
	ClusterID string   `json:"cluster_id,omitempty"` // of the cluster it belongs to, once it does
	Promise   *promise `json:"promise,omitempty"`

	// Founders is how many voters formed the cluster. Below their majority nobody is removed without being asked for.
	Founders int `json:"founders,omitempty"`
}

// identity is who this data directory is: its Raft id, made once and never used by another, and its cluster. Raft's
// promises (votes, log) belong to the data directory, so its id does too; the node's name is only a label.
type identity struct {
	path   string
	isNew  bool        // nothing is written yet
	failed func(error) // told of a write that failed, after which nobody knows what the file holds

	mu      sync.Mutex
	rec     record
	founded bool // a new cluster, in this process
}

// openIdentity reads the directory's identity, or thinks of one, which [identity.keep] then writes.
func openIdentity(dir string, failed func(error)) (*identity, error) {
	id := &identity{path: filepath.Join(dir, "node.json"), failed: failed}
	var err error
	id.rec, err = readIdentity(id.path)
	if errors.Is(err, os.ErrNotExist) {
		id.isNew = true
		id.rec = record{RaftID: ulid.Make().String()}
		return id, nil
	}
	return id, err
}

// keep writes a new identity. By then the log must be there: a node with an identity and without its log has lost it.
func (id *identity) keep() error {
	if !id.isNew {
		return nil
	}
	return id.change(func(*record) error { return nil })
}

func (id *identity) get() record {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.rec
}

// clusterID is the cluster that this node belongs to or has promised itself to; empty if there is none.
func (id *identity) clusterID() string {
	rec := id.get()
	if rec.ClusterID == "" && rec.Promise != nil {
		return rec.Promise.ClusterID
	}
	return rec.ClusterID
}

// promise binds the node durably, once. To promise the same again is well.
func (id *identity) promise(to promise) error {
	return id.change(func(rec *record) error {
		switch {
		case rec.ClusterID == to.ClusterID:
			return nil // kept already
		case rec.ClusterID != "":
			return fmt.Errorf("this node belongs to cluster %s already", rec.ClusterID)
		case rec.Promise != nil && !rec.Promise.equal(to):
			return fmt.Errorf("this node has promised itself to cluster %s already", rec.Promise.ClusterID)
		}
		id.founded = id.founded || rec.Promise == nil
		rec.Promise = &to
		return nil
	})
}

// isFounder tells whether this very process promised the node to a new cluster.
func (id *identity) isFounder() bool {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.founded
}

// join makes the node a member of the cluster that so many founded, durably.
func (id *identity) join(clusterID string, founders int) error {
	return id.change(func(rec *record) error {
		switch {
		case clusterID == "":
			return errors.New("a cluster without an id can't be joined")
		case rec.ClusterID != "" && rec.ClusterID != clusterID:
			return fmt.Errorf("this node belongs to cluster %s and can't join %s: its data directory holds the other cluster's data", rec.ClusterID, clusterID)
		case rec.Promise != nil && rec.Promise.ClusterID != clusterID:
			return fmt.Errorf("this node has promised itself to cluster %s and can't join %s", rec.Promise.ClusterID, clusterID)
		}
		rec.ClusterID, rec.Promise, rec.Founders = clusterID, nil, founders
		return nil
	})
}

func (id *identity) change(f func(*record) error) error {
	id.mu.Lock()
	defer id.mu.Unlock()
	rec := id.rec
	if err := f(&rec); err != nil {
		return err
	}
	if err := writeIdentity(id.path, rec); err != nil {
		err = fmt.Errorf("write this node's identity: %w", err)
		id.failed(err)
		return err
	}
	id.rec = rec
	return nil
}
