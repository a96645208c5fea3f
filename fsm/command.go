package fsm

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// An entry of the log is a CRC32C, a version, and fields in protobuf's wire format, those that a reader does not know
// being skipped. A change that a reader must not skip takes a higher version; an entry has the lowest that its content
// needs, so that nodes of different versions understand each other for as long as nobody asks for what is new.
const (
	commandVersion = 5 // the newest
	toldVersion    = 4 // the last one before nodes told each other which they read
	writeVersion   = 1 // of an entry with writes
	stepVersion    = 2 // of an entry with a step of a restore
	keyedVersion   = 3 // of an entry with writes of which one has an idempotency key
	fencedVersion  = 4 // of an entry with writes of which one holds in a term only
	judgedVersion  = 5 // of an entry with writes of which one judges checks

	commandProposedAt protowire.Number = 1 // nanoseconds since 1970; says when, decides nothing
	commandProposer   protowire.Number = 2 // the Raft id of the leader that made the entry
	commandWrite      protowire.Number = 3 // a write each
	commandStep       protowire.Number = 4 // a step of a restore, which shares its entry with nothing

	// Field 1 of a write is kept for the identity of the caller.
	writeOperation protowire.Number = 2 // an operation each
	writeKey       protowire.Number = 3
	writeTerm      protowire.Number = 4
)

// CommandVersion is the newest version of commands that this muster reads.
const CommandVersion = commandVersion

// errUnreadable says that an entry that was committed can't be applied here. A node that skipped it would hold another
// state than the others, so it must stop.
var errUnreadable = errors.New("an entry of the log can't be read")

// command is what an entry holds.
type command struct {
	version    int
	proposedAt time.Time
	proposer   string
	writes     []Write
	step       *step // nil in an entry with writes
}

// Write is what one caller asks for: operations of which all are applied or none.
type Write struct {
	// Key makes the write apply once, however often it is sent: one with a key that was seen before is answered like the
	// first. Empty: every time that it is sent, it is a write of its own.
	Key string

	// Term makes the write a decision of the leader of this term, which does nothing in an entry of another one: what that
	// leader knew may not hold any more. 0: the write holds in any term.
	Term uint64

	Operations []registry.Operation
}

// version is that of the entries which can hold the write.
func (w Write) version() byte {
	switch {
	case slices.ContainsFunc(w.Operations, judges):
		return judgedVersion
	case w.Term != 0:
		return fencedVersion
	case w.Key != "":
		return keyedVersion
	default:
		return writeVersion
	}
}

func judges(op registry.Operation) bool {
	_, ok := op.(registry.JudgeCheck)
	return ok
}

// encodeWrite makes the bytes of a write. They are made once, where the write came in, and stand in the entry as they are.
func encodeWrite(w Write) []byte {
	var b, operation []byte
	for _, op := range w.Operations {
		operation = record.AppendOperation(operation[:0], op)
		b = protowire.AppendTag(b, writeOperation, protowire.BytesType)
		b = protowire.AppendBytes(b, operation)
	}
	if w.Key != "" {
		b = protowire.AppendTag(b, writeKey, protowire.BytesType)
		b = protowire.AppendString(b, w.Key)
	}
	if w.Term != 0 {
		b = protowire.AppendTag(b, writeTerm, protowire.VarintType)
		b = protowire.AppendVarint(b, w.Term)
	}
	return b
}

// encodeCommand makes an entry of writes that are encoded already, of which the version is the highest.
func encodeCommand(version byte, proposedAt time.Time, proposer string, writes [][]byte) []byte {
	b := beginCommand(version, proposedAt, proposer)
	for _, w := range writes {
		b = protowire.AppendTag(b, commandWrite, protowire.BytesType)
		b = protowire.AppendBytes(b, w)
	}
	return record.AppendFramed(nil, b)
}

// encodeStepCommand makes an entry of a step that is encoded already.
func encodeStepCommand(proposedAt time.Time, proposer string, s []byte) []byte {
	b := beginCommand(stepVersion, proposedAt, proposer)
	b = protowire.AppendTag(b, commandStep, protowire.BytesType)
	b = protowire.AppendBytes(b, s)
	return record.AppendFramed(nil, b)
}

func beginCommand(version byte, proposedAt time.Time, proposer string) []byte {
	b := []byte{version}
	b = protowire.AppendTag(b, commandProposedAt, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(proposedAt.UnixNano()))
	b = protowire.AppendTag(b, commandProposer, protowire.BytesType)
	return protowire.AppendString(b, proposer)
}

func decodeCommand(entry []byte) (command, error) {
	b, err := record.Unframe(entry)
	if err != nil {
		return command{}, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if len(b) == 0 || b[0] < writeVersion || b[0] > commandVersion {
		return command{}, fmt.Errorf("%w: it has another version than those up to %d that this muster knows; start a newer muster on this node", errUnreadable, commandVersion)
	}
	c := command{version: int(b[0])}
	err = eachField(b[1:], func(num protowire.Number, number uint64, bytes []byte) error {
		switch num {
		case commandProposedAt:
			c.proposedAt = time.Unix(0, int64(number))
		case commandProposer:
			c.proposer = string(bytes)
		case commandWrite:
			w, err := decodeWrite(bytes)
			c.writes = append(c.writes, w)
			return err
		case commandStep:
			var err error
			c.step, err = decodeStep(bytes)
			return err
		}
		return nil
	})
	if err != nil {
		return command{}, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return c, nil
}

func decodeWrite(b []byte) (Write, error) {
	var w Write
	err := eachField(b, func(num protowire.Number, number uint64, bytes []byte) error {
		switch num {
		case writeTerm:
			w.Term = number
		case writeOperation:
			op, err := record.DecodeOperation(bytes)
			w.Operations = append(w.Operations, op)
			return err
		case writeKey:
			w.Key = string(bytes)
		}
		return nil
	})
	return w, err
}

// eachField visits the fields of a message: the numbers and the byte strings among them.
func eachField(b []byte, visit func(num protowire.Number, number uint64, bytes []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", record.ErrDamaged, protowire.ParseError(n))
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(num, typ, b)
		if size < 0 {
			return fmt.Errorf("%w: field %d: %w", record.ErrDamaged, num, protowire.ParseError(size))
		}
		var number uint64
		var bytes []byte
		switch typ {
		case protowire.VarintType:
			number, _ = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			bytes, _ = protowire.ConsumeBytes(b)
		}
		if err := visit(num, number, bytes); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}
