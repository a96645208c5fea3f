package fsm

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/musterhq/muster/registry"
)

// Summary is what a snapshot says of itself, and what is in it in numbers.
type Summary struct {
	Format    int              `json:"format"`
	ClusterID string           `json:"cluster_id"`
	Index     uint64           `json:"index"` // of the state that it holds
	Term      uint64           `json:"term"`
	StateHash string           `json:"state_hash"`
	Instances int              `json:"instances"`
	Services  []ServiceSummary `json:"services"` // by name
	Bytes     int64            `json:"bytes"`
	SHA256    Checksum         `json:"sha256"` // of all bytes
}

// ServiceSummary is one service of a snapshot.
type ServiceSummary struct {
	Name      string `json:"name"`
	Index     uint64 `json:"index"` // of its last change
	Instances int    `json:"instances"`
}

// Checksum is a SHA-256.
type Checksum [sha256.Size]byte

func (c Checksum) String() string { return hex.EncodeToString(c[:]) }

// MarshalText writes the checksum in hexadecimal digits.
func (c Checksum) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Inspect reads a snapshot to its end and checks all of it: the checksum of every record, the order of the records, and the
// count, the SHA-256 and the hash of the whole. Any damage gives an error that says what is wrong. It needs little memory,
// whatever the bytes are.
func Inspect(from io.Reader) (Summary, error) {
	sum := sha256.New()
	passed := &counter{to: sum}
	services := []ServiceSummary{}
	r, err := readStream(io.TeeReader(from, passed), func(i *registry.Instance, index uint64) {
		if n := len(services); n == 0 || services[n-1].Name != i.Service {
			services = append(services, ServiceSummary{Name: i.Service, Index: index})
		}
		services[len(services)-1].Instances++
	})
	if err != nil {
		return Summary{}, err
	}
	return Summary{
		Format: r.header.Format, ClusterID: r.header.ClusterID, Index: r.header.Index, Term: r.header.Term,
		StateHash: r.header.StateHash, Instances: r.count, Services: services,
		Bytes: passed.bytes, SHA256: Checksum(sum.Sum(nil)),
	}, nil
}
