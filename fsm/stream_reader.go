package fsm

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// readSnapshot reads a stream to its end and returns the state that it holds, or says what is wrong with it.
func readSnapshot(from io.Reader) (*position, error) {
	p, _, err := readState(from)
	return p, err
}

// readState also returns the cluster that the state belongs to.
func readState(from io.Reader) (_ *position, clusterID string, err error) {
	edit := registry.NewState().Edit()
	r, err := readStream(from, func(i *registry.Instance, serviceIndex uint64) {
		edit.Put(i)
		edit.SetServiceIndex(i.Service, serviceIndex)
	})
	if err != nil {
		return nil, "", err
	}
	edit.StartAt(r.header.Index)
	p := &position{state: edit.Commit(), term: r.header.Term, hash: r.hash, staging: r.staging, receipts: r.receipts, history: r.history, commands: r.header.Commands}
	return p, r.header.ClusterID, nil
}

// streamReader checks a stream, record by record, and hands on the instances. Memory grows with the staging, the receipts and the history alone.
type streamReader struct {
	records *record.Reader
	sum     hash.Hash
	put     func(i *registry.Instance, serviceIndex uint64)

	header   snapshotHeader
	hash     record.Hash
	count    int
	complete bool

	service serviceRecord // whose instances come
	id      string        // of the last of them, empty where none has come yet

	restore  string // whose chunks come
	staging  store.Staging
	receipts store.Receipts
	history  store.History
}

// readStream reads a stream to its end and gives each instance to put, which may keep and change it. Only where there is no
// error what was put can be relied on.
func readStream(from io.Reader, put func(i *registry.Instance, serviceIndex uint64)) (*streamReader, error) {
	r := &streamReader{
		records: record.NewReader(bufio.NewReaderSize(from, 256<<10), maxRecord),
		sum:     sha256.New(),
		put:     put,
	}
	for {
		payload, err := r.records.Next()
		switch {
		case errors.Is(err, io.EOF) && r.complete:
			return r, nil
		case errors.Is(err, io.EOF):
			err = errors.New("it ends before its trailer")
		case err == nil && r.complete:
			err = errors.New("it goes on after its trailer")
		case err == nil:
			err = r.take(payload)
		}
		if err != nil {
			return nil, err
		}
	}
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
		return r.takeHeader(body)
	case kindService:
		return r.takeService(body)
	case kindInstance:
		return r.takeInstance(body)
	case kindRestore:
		r.restore = string(body)
		return nil
	case kindChunk:
		return r.takeChunk(body)
	case kindFinished:
		var finished store.Finished
		err := json.Unmarshal(body, &finished)
		r.staging = r.staging.Finish(finished)
		return err
	case kindReceipts:
		return r.takeReceipts(body)
	case kindReceipt:
		return r.takeReceipt(body)
	case kindTransition:
		return r.takeTransition(body)
	case kindHistory:
		var next uint64
		err := json.Unmarshal(body, &next)
		r.history = r.history.Skip(next)
		return err
	default:
		return fmt.Errorf("it has a record of the unknown kind %q", kind)
	}
}

func (r *streamReader) takeHeader(body []byte) error {
	if err := json.Unmarshal(body, &r.header); err != nil {
		return fmt.Errorf("its header: %w", err)
	}
	if r.header.Format != snapshotFormat {
		return fmt.Errorf("it has format %d and this muster knows format %d: use the muster that wrote it, or a newer one", r.header.Format, snapshotFormat)
	}
	return nil
}

func (r *streamReader) takeService(body []byte) error {
	if err := r.endService(); err != nil {
		return err
	}
	var next serviceRecord
	if err := json.Unmarshal(body, &next); err != nil {
		return fmt.Errorf("a service: %w", err)
	}
	if next.Name <= r.service.Name {
		return fmt.Errorf("service %q comes after service %q", next.Name, r.service.Name)
	}
	r.service, r.id = next, ""
	return nil
}

// endService refuses a service without an instance, which does not exist.
func (r *streamReader) endService() error {
	if r.service.Name != "" && r.id == "" {
		return fmt.Errorf("service %q has no instance", r.service.Name)
	}
	return nil
}

func (r *streamReader) takeInstance(body []byte) error {
	i, err := record.Decode(body)
	switch {
	case err != nil:
		return err
	case i.Service != r.service.Name:
		return fmt.Errorf("it has an instance of service %q among those of %q", i.Service, r.service.Name)
	case i.ID <= r.id:
		return fmt.Errorf("instance %q of service %q comes after %q", i.ID, i.Service, r.id)
	case !registry.ValidName(i.Service) || !registry.ValidName(i.ID):
		return fmt.Errorf("instance %q of service %q: there is no such name", i.ID, i.Service)
	}
	r.id = i.ID
	r.hash.Add(i)
	r.count++
	r.put(i, r.service.Index)
	return nil
}

func (r *streamReader) takeChunk(body []byte) error {
	if r.restore == "" || len(body) == 0 || r.staging.Size()+len(body) > MaxSnapshot {
		return errors.New("it has a chunk that belongs to no restore")
	}
	r.staging = r.staging.Add(r.restore, bytes.Clone(body))
	return nil
}

func (r *streamReader) takeReceipts(body []byte) error {
	var first uint64
	if err := json.Unmarshal(body, &first); err != nil {
		return fmt.Errorf("the number of the first receipt: %w", err)
	}
	r.receipts = r.receipts.Skip(first)
	return nil
}

func (r *streamReader) takeReceipt(body []byte) error {
	receipt, err := record.DecodeReceipt(body)
	if err == nil {
		r.receipts, _ = r.receipts.Add(receipt)
	}
	return err
}

func (r *streamReader) takeTransition(body []byte) error {
	if len(body) < 8 || r.history.Len() == store.MaxTransitions {
		return errors.New("it has a transition that does not belong there")
	}
	t, err := record.DecodeTransition(body[8:])
	if err == nil {
		r.history = r.history.Skip(binary.BigEndian.Uint64(body)).Add(t, *t.Cause)
	}
	return err
}

// finish compares what was read with what was written.
func (r *streamReader) finish(body []byte) error {
	var trailer snapshotTrailer
	if err := errors.Join(r.endService(), json.Unmarshal(body, &trailer)); err != nil {
		return err
	}
	r.hash.Join(r.staging.Hash())
	r.hash.Join(r.receipts.Hash())
	r.hash.Join(r.history.Hash())
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
