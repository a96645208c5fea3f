package raftdisk

import (
	"encoding/binary"
	"errors"

	"github.com/hashicorp/raft"
)

// The keys under which hashicorp/raft keeps its vote, and the one under which both are kept here.
var (
	keyVoteTerm      = []byte("LastVoteTerm")
	keyVoteCandidate = []byte("LastVoteCand")
	keyVote          = []byte("MusterVote")
)

// voteStore makes Raft's record of its vote one write.
//
// hashicorp/raft writes the term it voted in and the candidate it voted for as two transactions. A crash between them
// leaves the new term with the candidate of an older one, who would then get a vote in the new term without a look at its
// log: a candidate that lacks committed entries could be elected. Here the term is held back until the candidate comes, and
// both are written as one value.
//
// Raft's main loop is the only caller of the four methods for these keys, so the held-back term needs no lock.
type voteStore struct {
	raft.StableStore
	heldTerm uint64
	held     bool
}

func (s *voteStore) SetUint64(key []byte, value uint64) error {
	if string(key) != string(keyVoteTerm) {
		return s.StableStore.SetUint64(key, value)
	}
	s.heldTerm, s.held = value, true
	return nil
}

func (s *voteStore) Set(key, value []byte) error {
	if string(key) != string(keyVoteCandidate) {
		return s.StableStore.Set(key, value)
	}
	if !s.held {
		return errors.New("raft wrote the candidate of a vote before its term: the order that this store relies on has changed")
	}
	if err := s.StableStore.Set(keyVote, encodeVote(s.heldTerm, value)); err != nil {
		return err
	}
	s.held = false
	return nil
}

func (s *voteStore) GetUint64(key []byte) (uint64, error) {
	if string(key) != string(keyVoteTerm) {
		return s.StableStore.GetUint64(key)
	}
	term, _, err := s.vote()
	return term, err
}

func (s *voteStore) Get(key []byte) ([]byte, error) {
	if string(key) != string(keyVoteCandidate) {
		return s.StableStore.Get(key)
	}
	_, candidate, err := s.vote()
	return candidate, err
}

func (s *voteStore) vote() (term uint64, candidate []byte, err error) {
	value, err := s.StableStore.Get(keyVote)
	if err != nil {
		return 0, nil, err
	}
	if len(value) < 8 {
		return 0, nil, refusal(ErrDamaged, "the record of this node's vote")
	}
	return binary.BigEndian.Uint64(value), value[8:], nil
}

func encodeVote(term uint64, candidate []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, term), candidate...)
}
