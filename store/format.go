package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// The file has up to four buckets. In one is the header, in the other the records, in the order of their keys: for each service
// first one for the service, under its name and a zero byte, then one for each instance, under the same and its id. No name
// has a zero byte and no id is empty, so nothing else can have these keys. Others, which may be missing, are for the
// staging of an operator's restore, for receipts and for the history. Every value begins with its CRC32C.
//
// Bucket names and keys are all that bbolt sees; none of it may change without a new format.
const (
	headerBucket   = "meta"
	headerKey      = "header"
	recordsBucket  = "records"
	stagingBucket  = "staging"
	receiptsBucket = "receipts"
	historyBucket  = "history"
)

// format is the version of what this muster writes. A file asks for the oldest version whose readers understand it. Versions
// before 4 knew no leases that run out, version 5 came with judgements of checks. Whoever adds something that an older reader
// would miss, be it a field of an instance (the hash covers it), raises the format and has oldestReader ask for it from the
// version of commands on that brings it: until then a node may go back to the muster that it came from.
const (
	format    = 5
	minReader = 4

	judgedCommands, judgedReader = 5, 5
)

// oldestReader is the oldest version whose readers understand what commands up to a version have made.
func oldestReader(commands int) int {
	if commands >= judgedCommands {
		return judgedReader
	}
	return minReader
}

// header is written with every image, in the same transaction. It is JSON, so that any later version can at least tell who
// must read the rest.
type header struct {
	Format    int    `json:"format"`
	MinReader int    `json:"min_reader"`
	ClusterID string `json:"cluster_id"`
	Index     uint64 `json:"index"`
	Term      uint64 `json:"term"`
	StateHash string `json:"state_hash"`
	Instances int    `json:"instances"`
	Commands  int    `json:"commands,omitempty"`
}

func headerOf(image Image) header {
	return header{
		Format: format, MinReader: oldestReader(image.Commands),
		ClusterID: image.ClusterID, Index: image.Index, Term: image.Term,
		StateHash: image.Hash.String(), Instances: image.State.Len(), Commands: image.Commands,
	}
}

func (h header) encode() ([]byte, error) {
	b, err := json.Marshal(h)
	return record.AppendFramed(nil, b), err
}

// decodeHeader reads a header. Where another version must read the file, it says so before it looks at anything else.
func decodeHeader(value []byte) (header, error) {
	var h header
	b, err := record.Unframe(value)
	if err != nil {
		return h, corrupt(fmt.Errorf("the header: %w", err))
	}
	if err := json.Unmarshal(b, &h); err != nil {
		return h, corrupt(fmt.Errorf("the header: %w", err))
	}
	if h.MinReader > format {
		return h, fmt.Errorf("%w: it has format %d, to be read by format %d or later, and this muster reads format %d: use a newer muster",
			ErrNewerFormat, h.Format, h.MinReader, format)
	}
	return h, nil
}

func serviceKey(service string) []byte { return append([]byte(service), 0) }

func instanceKey(service, id string) []byte { return append(serviceKey(service), id...) }

// encodeService keeps of a service what its instances don't tell: the index of its last change, which may have been a removal.
func encodeService(s *registry.Service) []byte {
	return record.AppendFramed(nil, binary.BigEndian.AppendUint64(nil, s.Index()))
}

func decodeService(value []byte) (index uint64, err error) {
	b, err := record.Unframe(value)
	if err != nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, fmt.Errorf("%d bytes where an index has 8", len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}

func encodeInstance(i *registry.Instance) []byte {
	return record.AppendFramed(nil, record.Append(nil, i))
}

func decodeInstance(value []byte) (*registry.Instance, error) {
	b, err := record.Unframe(value)
	if err != nil {
		return nil, err
	}
	return record.Decode(b)
}
