package record

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/registry"
)

// Transition is how and why an instance came to look otherwise than before. Whatever it holds counts in the state's hash, so
// there is nothing in it that two versions of muster might word differently: the words are those of who wrote.
type Transition struct {
	Service, ID string
	Index       uint64 // of the log entry
	Time        int64  // at which the entry was proposed, by the leader's clock; nanoseconds since 1970
	From, To    registry.Condition
	Cause       *Cause // many may share it
}

// Cause is why a transition came about.
type Cause struct {
	Rule  registry.Rule
	Term  uint64 // of the leader that had it decided
	Check string // of which a report was; empty for the instance itself
	registry.Cause
}

// Equal tells whether the causes say the same.
func (c *Cause) Equal(other *Cause) bool {
	return c.Rule == other.Rule && c.Term == other.Term && c.Check == other.Check && c.Evidence == other.Evidence &&
		slices.Equal(c.SeenBy, other.SeenBy)
}

const (
	transitionService protowire.Number = 1
	transitionID      protowire.Number = 2
	transitionIndex   protowire.Number = 3
	transitionTime    protowire.Number = 4
	transitionFrom    protowire.Number = 5
	transitionTo      protowire.Number = 6
	transitionRule    protowire.Number = 7
	transitionTerm    protowire.Number = 8
	transitionCheck   protowire.Number = 9
	transitionCause   protowire.Number = 10 // a cause
)

// AppendTransition appends the bytes of t to b and returns the result.
func AppendTransition(b []byte, t *Transition) []byte {
	b = appendText(b, transitionService, t.Service)
	b = appendText(b, transitionID, t.ID)
	b = appendNumber(b, transitionIndex, t.Index)
	b = appendNumber(b, transitionTime, t.Time)
	b = appendNumber(b, transitionFrom, uint64(t.From))
	b = appendNumber(b, transitionTo, uint64(t.To))
	b = appendNumber(b, transitionRule, uint64(t.Cause.Rule))
	b = appendNumber(b, transitionTerm, t.Cause.Term)
	b = appendText(b, transitionCheck, t.Cause.Check)
	if t.Cause.Evidence == "" && len(t.Cause.SeenBy) == 0 {
		return b
	}
	from := len(b)
	return sealMessage(appendCause(b, t.Cause.Cause), from, transitionCause)
}

// DecodeTransition reads what [AppendTransition] wrote. Other bytes, and a condition or a rule that this version does not
// know, give an [ErrDamaged].
func DecodeTransition(b []byte) (*Transition, error) {
	t := &Transition{Cause: new(Cause)}
	err := wholeRecord(b).each(func(f field) error {
		switch f.num {
		case transitionService:
			return decodeText(f, "service", &t.Service)
		case transitionID:
			return decodeText(f, "id", &t.ID)
		case transitionIndex:
			return decodeNumber(f, "index", &t.Index)
		case transitionTime:
			return decodeNumber(f, "time", &t.Time)
		case transitionFrom:
			return decodeKind(f, "from", &t.From, registry.Conditions)
		case transitionTo:
			return decodeKind(f, "to", &t.To, registry.Conditions)
		case transitionRule:
			return decodeKind(f, "rule", &t.Cause.Rule, registry.Rules)
		case transitionTerm:
			return decodeNumber(f, "term", &t.Cause.Term)
		case transitionCheck:
			return decodeText(f, "check", &t.Cause.Check)
		case transitionCause:
			return f.message("cause", func(m message) error { return decodeCause(m, &t.Cause.Cause) })
		}
		return nil
	})
	if err == nil && (t.Service == "" || t.ID == "" || t.Cause.Rule == 0) {
		err = errors.New("there is no instance or no rule in it")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return t, nil
}

// decodeKind reads a number of which only those below a limit mean something.
func decodeKind[T ~uint8](f field, name string, into *T, limit T) error {
	if f.varint >= uint64(limit) {
		return fmt.Errorf("%s: byte %d: the unknown kind %d", name, f.at, f.varint)
	}
	*into = T(f.varint)
	return f.want(name, protowire.VarintType)
}
