package fsm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"io"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/store"
)

// A snapshot is a stream of records, each with its checksum: a header, then for each service its index and its instances,
// then what is staged of an operator's restore, then the receipts of writes with an idempotency key, then the
// history, then a trailer. The first byte of a record says which it is. Services and instances come in the order of their
// names, so a state has one stream only.
const (
	snapshotFormat = 1

	kindHeader     = 'H'
	kindService    = 'S'
	kindInstance   = 'I'
	kindFinished   = 'F' // the last restore that went through
	kindRestore    = 'R' // the id of the restore that the chunks after it belong to
	kindChunk      = 'C'
	kindReceipts   = 'N' // the number of the first receipt that comes
	kindReceipt    = 'K'
	kindHistory    = 'L' // after the transitions: the number that the next one gets
	kindTransition = 'X' // a transition, after its number in 8 bytes
	kindTrailer    = 'T'

	// maxRecord bounds a record of the stream; the largest instance that the API lets in is smaller than a tenth.
	maxRecord = 1 << 20
)

type snapshotHeader struct {
	Format    int    `json:"format"`
	ClusterID string `json:"cluster_id"`
	Index     uint64 `json:"index"`
	Term      uint64 `json:"term"`
	StateHash string `json:"state_hash"`
	Commands  int    `json:"commands,omitempty"` // the newest version of commands that made it
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
		Format: snapshotFormat, ClusterID: clusterID, Index: p.state.Index(), Term: p.term, StateHash: p.hash.String(), Commands: p.commands,
	})
	var b []byte
	for service := range p.state.Services() {
		w.json(kindService, serviceRecord{service.Name(), service.Index()})
		for i := range service.Instances() {
			b = record.Append(append(b[:0], kindInstance), i)
			w.append(b)
		}
	}
	w.staging(p)
	w.receipts(p.receipts)
	w.history(p.history)
	w.json(kindTrailer, snapshotTrailer{p.state.Len(), w.sum.Sum(nil)})
	return w.err
}

// streamWriter writes records until the first error, which it keeps.
type streamWriter struct {
	records *record.Writer
	sum     hash.Hash
	err     error
}

func (w *streamWriter) staging(p *position) {
	if finished := p.staging.Finished(); finished.Restore != "" {
		w.json(kindFinished, finished)
	}
	if restore := p.staging.Restore(); restore != "" {
		w.append(append([]byte{kindRestore}, restore...))
	}
	for _, chunk := range p.staging.Chunks() {
		w.append(append([]byte{kindChunk}, chunk...))
	}
}

func (w *streamWriter) receipts(receipts store.Receipts) {
	if receipts.Next() == 0 {
		return
	}
	w.json(kindReceipts, receipts.First())
	var b []byte
	for _, receipt := range receipts.Since(0) {
		b = record.AppendReceipt(append(b[:0], kindReceipt), receipt)
		w.append(b)
	}
}

func (w *streamWriter) history(history store.History) {
	if history.Next() == 0 {
		return
	}
	var b []byte
	for number, t := range history.Since(0) {
		b = binary.BigEndian.AppendUint64(append(b[:0], kindTransition), number)
		b = record.AppendTransition(b, t)
		w.append(b)
	}
	w.json(kindHistory, history.Next())
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
