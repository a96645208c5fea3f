package fsm

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// A snapshot is a stream of records, each with its checksum: a header, then for each service its index and its instances,
// then a trailer. The first byte of a record says which it is.
const (
	snapshotFormat = 1

	kindHeader   = 'H'
	kindService  = 'S'
	kindInstance = 'I'
	kindTrailer  = 'T'

	// maxRecord bounds a record of the stream; the largest instance that the API lets in is smaller than a tenth.
	maxRecord = 1 << 20
)

type snapshotHeader struct {
	Format    int    `json:"format"`
	ClusterID string `json:"cluster_id"`
	Index     uint64 `json:"index"`
	Term      uint64 `json:"term"`
	StateHash string `json:"state_hash"`
}

type serviceRecord struct {
	Name  string `json:"name"`
	Index uint64 `json:"index"`
}

type snapshotTrailer struct {
	Instances int    `json:"instances"`
	SHA256    []byte `json:"sha256"` // of all records before, without their framing
}

// writeSnapshot writes the stream of a state.
func writeSnapshot(to io.Writer, p *position, clusterID string) error {
	w := streamWriter{records: record.NewWriter(to, maxRecord), sum: sha256.New()}
	w.json(kindHeader, snapshotHeader{
		Format: snapshotFormat, ClusterID: clusterID, Index: p.state.Index(), Term: p.term, StateHash: p.hash.String(),
	})
	var b []byte
	for service := range p.state.Services() {
		w.json(kindService, serviceRecord{service.Name(), service.Index()})
		for i := range service.Instances() {
			b = record.Append(append(b[:0], kindInstance), i)
			w.append(b)
		}
	}
	w.json(kindTrailer, snapshotTrailer{p.state.Len(), w.sum.Sum(nil)})
	return w.err
}

// streamWriter writes records until the first error, which it keeps.
type streamWriter struct {
	records *record.Writer
	sum     hash.Hash
	err     error
}

func (w *streamWriter) json(kind byte, v any) {
	b, err := json.Marshal(v)
	w.err = errors.Join(w.err, err)
	w.append(append([]byte{kind}, b...))
}

func (w *streamWriter) append(payload []byte) {
	if w.err != nil {
		return
	}
	w.sum.Write(payload) // never fails, as package hash promises
	w.err = w.records.Append(payload)
}

// readSnapshot reads a stream to its end and returns the state that it holds, or says what is wrong with it.
func readSnapshot(from io.Reader) (*position, error) {
	r := streamReader{
		records: record.NewReader(bufio.NewReaderSize(from, 256<<10), maxRecord),
		sum:     sha256.New(),
		edit:    registry.NewState().Edit(),
	}
	for !r.complete {
		payload, err := r.records.Next()
		if errors.Is(err, io.EOF) {
			err = errors.New("it ends before its trailer")
		}
		if err == nil {
			err = r.take(payload)
		}
		if err != nil {
			return nil, err
		}
	}
	return &position{state: r.edit.Commit(), term: r.header.Term, hash: r.hash}, nil
}

// streamReader builds a state, record by record.
type streamReader struct {
	records  *record.Reader
	sum      hash.Hash
	header   snapshotHeader
	edit     *registry.Edit
	hash     record.Hash
	count    int
	complete bool

	service serviceRecord // waits for its first instance: a service without one does not exist
}

func (r *streamReader) take(payload []byte) error {
	if len(payload) == 0 {
		return errors.New("it has an empty record")
	}
	kind, body := payload[0], payload[1:]
	if (kind == kindHeader) != (r.header.Format == 0) {
		return errors.New("it has no header, or two")
	}
	if kind == kindTrailer {
		return r.finish(body)
	}
	r.sum.Write(payload) // never fails
	switch kind {
	case kindHeader:
		return r.begin(body)
	case kindService:
		return json.Unmarshal(body, &r.service)
	case kindInstance:
		return r.put(body)
	default:
		return fmt.Errorf("it has a record of the unknown kind %q", kind)
	}
}

func (r *streamReader) begin(body []byte) error {
	if err := json.Unmarshal(body, &r.header); err != nil {
		return err
	}
	if r.header.Format != snapshotFormat {
		return fmt.Errorf("it has format %d and this muster knows format %d: use the muster that wrote it, or a newer one", r.header.Format, snapshotFormat)
	}
	r.edit.SetIndex(r.header.Index)
	return nil
}

func (r *streamReader) put(body []byte) error {
	i, err := record.Decode(body)
	if err != nil {
		return err
	}
	if i.Service != r.service.Name {
		return fmt.Errorf("it has an instance of service %q among those of %q", i.Service, r.service.Name)
	}
	r.edit.Put(i)
	r.edit.SetServiceIndex(i.Service, r.service.Index)
	r.hash.Add(i)
	r.count++
	return nil
}

// finish compares what was read with what was written.
func (r *streamReader) finish(body []byte) error {
	var trailer snapshotTrailer
	if err := json.Unmarshal(body, &trailer); err != nil {
		return err
	}
	switch {
	case trailer.Instances != r.count:
		return fmt.Errorf("it should have %d instances and has %d", trailer.Instances, r.count)
	case !bytes.Equal(trailer.SHA256, r.sum.Sum(nil)):
		return errors.New("its SHA-256 does not match its content")
	case r.header.StateHash != r.hash.String():
		return errors.New("its instances do not have the hash that its header names")
	}
	r.complete = true
	return nil
}
