package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/oklog/ulid/v2"
)

// identityFormat is the version of the identity file. A program that meets a higher one must not touch the directory.
const identityFormat = 1

// Server is a node as the list of a cluster's first voters names it.
type Server struct {
	RaftID string `json:"raft_id"`
	Label  string `json:"label"`
	Peer   string `json:"peer"` // the address of its peer port
}

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
	Format    int      `json:"format"`
	RaftID    string   `json:"raft_id"`
	ClusterID string   `json:"cluster_id,omitempty"` // of the cluster it belongs to, once it does
	Promise   *promise `json:"promise,omitempty"`
}

// identity is who this data directory is: its Raft id, made once and never used by another, and its cluster. Raft's
// promises (votes, log) belong to the data directory, so its id does too; the node's name is only a label.
type identity struct {
	path string

	mu  sync.Mutex
	rec record
}

// openIdentity reads the directory's identity, or makes one.
func openIdentity(dir string) (*identity, error) {
	id := &identity{path: filepath.Join(dir, "node.json")}
	b, err := os.ReadFile(id.path)
	if errors.Is(err, os.ErrNotExist) {
		id.rec = record{Format: identityFormat, RaftID: ulid.Make().String()}
		return id, id.write(id.rec)
	}
	if err != nil {
		return nil, err
	}
	if id.rec, err = decodeIdentity(b); err != nil {
		return nil, fmt.Errorf("%s %w", id.path, err)
	}
	return id, nil
}

// decodeIdentity looks at the format before anything else: what a newer one means by the rest, nobody here knows.
func decodeIdentity(b []byte) (record, error) {
	var of struct{ Format int }
	if err := json.Unmarshal(b, &of); err == nil && of.Format > identityFormat {
		return record{}, fmt.Errorf("has format %d and this muster knows formats up to %d: start a newer muster on this data directory", of.Format, identityFormat)
	}
	var rec record
	err := json.Unmarshal(b, &rec)
	if err == nil && (rec.Format < 1 || rec.RaftID == "") {
		err = errors.New("it names no format or no id")
	}
	if err != nil {
		return record{}, fmt.Errorf("is damaged (%w): remove this node from the cluster and let it join again with an empty data directory", err)
	}
	return rec, nil
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
		rec.Promise = &to
		return nil
	})
}

// join makes the node a member of the cluster, durably.
func (id *identity) join(clusterID string) error {
	return id.change(func(rec *record) error {
		switch {
		case clusterID == "":
			return errors.New("a cluster without an id can't be joined")
		case rec.ClusterID != "" && rec.ClusterID != clusterID:
			return fmt.Errorf("this node belongs to cluster %s and can't join %s: its data directory holds the other cluster's data", rec.ClusterID, clusterID)
		case rec.Promise != nil && rec.Promise.ClusterID != clusterID:
			return fmt.Errorf("this node has promised itself to cluster %s and can't join %s", rec.Promise.ClusterID, clusterID)
		}
		rec.ClusterID, rec.Promise = clusterID, nil
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
	if err := id.write(rec); err != nil {
		return err
	}
	id.rec = rec
	return nil
}

// write replaces the file so that after a crash either the old or the new one is there, whole.
func (id *identity) write(rec record) error {
	b, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return err
	}
	temporary := id.path + ".new"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, id.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(id.path))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
