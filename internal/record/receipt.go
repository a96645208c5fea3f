package record

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/registry"
)

// Receipt is how the log decided a write that came with an idempotency key: enough to give the same answer again. Whatever
// it holds counts in the state's hash, so there is nothing in it that two versions of muster might word differently.
type Receipt struct {
	Key     string      // that the caller chose
	Request RequestHash // of what was asked under it
	Index   uint64      // of the log entry that decided it
	Refusal Refusal     // why nothing was done; zero where the write was applied
	Refused int         // the position of the operation that the Refusal is about

	Effects []Effect // of each operation, in order; none where there is a Refusal
}

// Effect is what an operation did, as far as [registry.Result] says so in flags.
type Effect uint8

// The flags of an Effect.
const (
	EffectCreated Effect = 1 << iota
	EffectChanged
)

// EffectOf is the effect of an operation.
func EffectOf(r registry.Result) Effect {
	var e Effect
	if r.Created {
		e |= EffectCreated
	}
	if r.Changed {
		e |= EffectChanged
	}
	return e
}

// Result is what an operation with this effect answers about an instance.
func (e Effect) Result(i *registry.Instance) registry.Result {
	return registry.Result{Instance: i, Created: e&EffectCreated != 0, Changed: e&EffectChanged != 0}
}

// RequestHash tells one request from another: the first half of a SHA-256 of its operations.
type RequestHash [16]byte

// Refusal is the reason for which the state refused a write. The numbers stand in the log's state for ever.
type Refusal uint64

// The refusals.
const (
	RefusedInvalid Refusal = iota + 1
	RefusedNoService
	RefusedNoInstance
	RefusedNoCheck
	RefusedPrecondition
)

// refusals gives each refusal the error that it stands for; there is none for the zero.
var refusals = [...]error{
	RefusedInvalid:      registry.ErrInvalid,
	RefusedNoService:    registry.ErrServiceNotFound,
	RefusedNoInstance:   registry.ErrInstanceNotFound,
	RefusedNoCheck:      registry.ErrCheckNotFound,
	RefusedPrecondition: registry.ErrPreconditionFailed,
}

// RefusalOf finds the refusal that an error of package registry is. An error of another kind is a [RefusedInvalid].
func RefusalOf(err error) Refusal {
	for r, sentinel := range refusals {
		if sentinel != nil && errors.Is(err, sentinel) {
			return Refusal(r)
		}
	}
	return RefusedInvalid
}

// Err is the error that the refusal stands for.
func (r Refusal) Err() error { return refusals[r] }

const (
	// Number 1 is kept for the identity of the caller.
	receiptKey     protowire.Number = 2
	receiptRequest protowire.Number = 3
	receiptIndex   protowire.Number = 4
	receiptRefusal protowire.Number = 5
	receiptRefused protowire.Number = 6
	receiptEffect  protowire.Number = 7 // an effect each
)

// AppendReceipt appends the bytes of r to b and returns the result.
func AppendReceipt(b []byte, r *Receipt) []byte {
	b = appendText(b, receiptKey, r.Key)
	b = appendText(b, receiptRequest, string(r.Request[:]))
	b = appendNumber(b, receiptIndex, r.Index)
	b = appendNumber(b, receiptRefusal, r.Refusal)
	b = appendNumber(b, receiptRefused, r.Refused)
	for _, e := range r.Effects {
		b = protowire.AppendTag(b, receiptEffect, protowire.VarintType) // also a zero: how many there are says something
		b = protowire.AppendVarint(b, uint64(e))
	}
	return b
}

// DecodeReceipt reads what [AppendReceipt] wrote. Other bytes, and a refusal that this version does not know, give an
// [ErrDamaged].
func DecodeReceipt(b []byte) (*Receipt, error) {
	r := new(Receipt)
	err := wholeRecord(b).each(func(f field) error {
		switch f.num {
		case receiptKey:
			return decodeText(f, "key", &r.Key)
		case receiptRequest:
			if copy(r.Request[:], f.bytes) != len(f.bytes) || len(f.bytes) != len(r.Request) {
				return fmt.Errorf("request: byte %d: a hash of %d bytes", f.at, len(f.bytes))
			}
			return f.want("request", protowire.BytesType)
		case receiptIndex:
			return decodeNumber(f, "index", &r.Index)
		case receiptRefusal:
			if f.varint >= uint64(len(refusals)) {
				return fmt.Errorf("refusal: byte %d: the unknown reason %d", f.at, f.varint)
			}
			return decodeNumber(f, "refusal", &r.Refusal)
		case receiptRefused:
			return decodeNumber(f, "refused", &r.Refused)
		case receiptEffect:
			r.Effects = append(r.Effects, Effect(f.varint))
			return f.want("effect", protowire.VarintType)
		}
		return nil
	})
	if err == nil && r.Key == "" {
		err = errors.New("there is no key in it")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return r, nil
}
