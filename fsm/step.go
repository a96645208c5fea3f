package fsm

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/internal/record"
)

// step is what one entry does for an operator's restore. A restore goes through the log, so that its index is the next one
// and not the backup's: chunks of a snapshot are laid down in the staging, and the swap makes a state of them. Until then
// readers see the old state, and from then on the new one, on every node at the same index.
type step struct {
	restore string // the id of the restore
	kind    stepKind
	number  uint64 // of a chunk, from 0 on
	bytes   []byte // of a chunk, its part of the snapshot; of a swap, the SHA-256 of the whole
}

type stepKind uint64

// The kinds. One that a reader does not know is an error, as with operations.
const (
	stepChunk stepKind = 1 // lays a chunk down; the one with number 0 begins a restore and drops an unfinished one
	stepSwap  stepKind = 2 // replaces the state
	stepDrop  stepKind = 3 // gives the restore up
)

const (
	stepFieldRestore protowire.Number = 1
	stepFieldKind    protowire.Number = 2
	stepFieldNumber  protowire.Number = 3
	stepFieldBytes   protowire.Number = 4
)

func (s step) encode() []byte {
	b := protowire.AppendTag(nil, stepFieldRestore, protowire.BytesType)
	b = protowire.AppendString(b, s.restore)
	b = protowire.AppendTag(b, stepFieldKind, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(s.kind))
	b = protowire.AppendTag(b, stepFieldNumber, protowire.VarintType)
	b = protowire.AppendVarint(b, s.number)
	b = protowire.AppendTag(b, stepFieldBytes, protowire.BytesType)
	return protowire.AppendBytes(b, s.bytes)
}

// decodeStep reads what encode wrote. The bytes of the result are a part of b.
func decodeStep(b []byte) (*step, error) {
	s := new(step)
	err := eachField(b, func(num protowire.Number, number uint64, bytes []byte) error {
		switch num {
		case stepFieldRestore:
			s.restore = string(bytes)
		case stepFieldKind:
			s.kind = stepKind(number)
		case stepFieldNumber:
			s.number = number
		case stepFieldBytes:
			s.bytes = bytes
		}
		return nil
	})
	switch {
	case err != nil:
	case s.restore == "":
		err = fmt.Errorf("%w: a step of no restore", record.ErrDamaged)
	case s.kind < stepChunk || s.kind > stepDrop:
		err = fmt.Errorf("%w: a step of a restore of the unknown kind %d", record.ErrDamaged, s.kind)
	}
	return s, err
}
