package raftdisk

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/boltfile"
	"github.com/musterhq/muster/internal/crc32c"
)

// entryStore is Raft's log with a checksum on every entry.
//
// The checksum stands behind the extensions of an entry, a field that is meant for what wraps a log, and is taken off
// again when the entry is read. So Raft never sees it, never sends it to others, and whether they have checksums of their
// own is their affair.
type entryStore struct {
	path   string
	bolt   raft.LogStore
	broken *breakdown
}

// checksumOf is the checksum of all of an entry that is stored.
func checksumOf(entry *raft.Log) uint32 {
	head := binary.BigEndian.AppendUint64(nil, entry.Index)
	head = binary.BigEndian.AppendUint64(head, entry.Term)
	head = append(head, byte(entry.Type))
	head = binary.BigEndian.AppendUint64(head, uint64(entry.AppendedAt.Unix()))
	head = binary.BigEndian.AppendUint32(head, uint32(entry.AppendedAt.Nanosecond()))
	head = binary.BigEndian.AppendUint64(head, uint64(len(entry.Data)))
	return crc32c.Sum(head, entry.Data, entry.Extensions)
}

// sealed is a copy of an entry, which belongs to Raft, with the checksum.
func sealed(entry *raft.Log) *raft.Log {
	s := *entry
	s.Extensions = append(make([]byte, 0, len(entry.Extensions)+crc32c.Size), entry.Extensions...)
	s.Extensions = binary.LittleEndian.AppendUint32(s.Extensions, checksumOf(entry))
	return &s
}

// unsealed takes the checksum off an entry that was read from under an index.
func unsealed(index uint64, entry *raft.Log) error {
	end := len(entry.Extensions) - crc32c.Size
	if end < 0 {
		return errors.New("it has no checksum")
	}
	sum := binary.LittleEndian.Uint32(entry.Extensions[end:])
	if entry.Extensions = entry.Extensions[:end]; end == 0 {
		entry.Extensions = nil
	}
	switch {
	case checksumOf(entry) != sum:
		return errors.New("its checksum does not match")
	case entry.Index != index:
		return fmt.Errorf("it is entry %d", entry.Index)
	}
	return nil
}

func (s *entryStore) GetLog(index uint64, entry *raft.Log) error {
	if err := s.broken.reason(); err != nil {
		return err
	}
	err := s.read(index, entry)
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
		return s.broken.of(refusal(ErrDamaged, "entry %d of Raft's log %s: %s", index, s.path, err))
	}
	return err
}

// read reads and verifies an entry. An error that is not [raft.ErrLogNotFound] says what is wrong with it.
func (s *entryStore) read(index uint64, entry *raft.Log) error {
	err := boltfile.Guard(func() error { return s.bolt.GetLog(index, entry) })
	if errors.Is(err, raft.ErrLogNotFound) {
		return raft.ErrLogNotFound // by itself: Raft compares it
	}
	if err == nil {
		err = unsealed(index, entry)
	}
	return err
}

func (s *entryStore) StoreLog(entry *raft.Log) error { return s.StoreLogs([]*raft.Log{entry}) }

func (s *entryStore) StoreLogs(entries []*raft.Log) error {
	copies := make([]*raft.Log, len(entries))
	for i, entry := range entries {
		copies[i] = sealed(entry)
	}
	return s.write(func() error { return s.bolt.StoreLogs(copies) })
}

func (s *entryStore) DeleteRange(first, last uint64) error {
	return s.write(func() error { return s.bolt.DeleteRange(first, last) })
}

func (s *entryStore) write(f func() error) error {
	if err := s.broken.reason(); err != nil {
		return err
	}
	if err := boltfile.Guard(f); err != nil {
		return s.broken.of(fmt.Errorf("write Raft's log %s: %w", s.path, err))
	}
	return nil
}

func (s *entryStore) FirstIndex() (uint64, error) { return s.index(s.bolt.FirstIndex) }

func (s *entryStore) LastIndex() (uint64, error) { return s.index(s.bolt.LastIndex) }

func (s *entryStore) index(of func() (uint64, error)) (index uint64, err error) {
	if err := s.broken.reason(); err != nil {
		return 0, err
	}
	err = boltfile.Guard(func() (err error) {
		index, err = of()
		return err
	})
	if err != nil {
		return 0, s.broken.of(refusal(ErrDamaged, "Raft's log %s: %s", s.path, err))
	}
	return index, nil
}
