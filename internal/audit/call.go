package audit

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/musterhq/muster/internal/record"
)

// The calls between nodes. Both are asked with an index of eight bytes.
const (
	CallHash  = "state-hash" // what hash has your state at this index? None, or a byte that says of which kind it is, and it
	CallState = "state"      // give me your state, at this index or beyond
)

const (
	// hashPatience is how long a node waits to get to the index that it is asked about, and statePatience to the one from
	// which on its state is wanted.
	hashPatience  = time.Second
	statePatience = 10 * time.Second
)

// hashKind names the way in which a state is hashed. Whoever gives records another encoding gives this another number: nodes
// of two versions, side by side while a cluster is upgraded, must not take each other's states for wrong.
const hashKind = 1

var errNoIndex = errors.New("another node asked with something else than an index")

// askHash asks a node for the hash of its state at an index. It may not know, or not say.
func (a *Auditor) askHash(ctx context.Context, id string, index uint64) (hash record.Hash, known bool) {
	answer, err := a.cluster.Call(ctx, id, CallHash, binary.BigEndian.AppendUint64(nil, index))
	if err != nil || len(answer) != 1+len(hash) || answer[0] != hashKind {
		return hash, false
	}
	return record.Hash(answer[1:]), true
}

// AnswerHash answers [CallHash]. A node whose state is in doubt does not say what it is.
func (a *Auditor) AnswerHash(ctx context.Context, request []byte) ([]byte, error) {
	index, err := a.await(ctx, request, hashPatience)
	if err != nil {
		return nil, err
	}
	if hash, ok := a.machine.HashAt(index); ok {
		return append([]byte{hashKind}, hash[:]...), nil
	}
	return nil, nil
}

// AnswerState answers [CallState].
func (a *Auditor) AnswerState(ctx context.Context, request []byte, to io.Writer) error {
	if _, err := a.await(ctx, request, statePatience); err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(to, 256<<10)
	if err := a.machine.WriteState(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// await waits until this node has applied the index that it is asked with.
func (a *Auditor) await(ctx context.Context, request []byte, patience time.Duration) (uint64, error) {
	if len(request) != 8 {
		return 0, errNoIndex
	}
	if err := a.machine.Sound(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	index := binary.BigEndian.Uint64(request)
	return index, a.machine.Await(ctx, index)
}
