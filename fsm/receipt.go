package fsm

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// decided finds receipts by their keys. It is in step with the newest [store.Receipts] that was made of it.
type decided map[string]*record.Receipt

func decidedIn(receipts store.Receipts) decided {
	d := decided{}
	for _, receipt := range receipts.Since(0) {
		d[receipt.Key] = receipt
	}
	return d
}

// find returns the receipt of the write with the key, nil where there is none or no key.
func (d decided) find(key string) *record.Receipt {
	if key == "" {
		return nil
	}
	return d[key]
}

// remember keeps how a write with a key was decided.
func (d *draft) remember(w Write, r reply) {
	receipt := &record.Receipt{Key: w.Key, Request: requestHash(w), Index: r.outcome.Index}
	if r.err != nil {
		receipt.Refusal = record.RefusalOf(r.err)
		if op, ok := errors.AsType[*registry.OperationError](r.err); ok {
			receipt.Refused = op.Position
		}
	}
	for _, result := range r.outcome.Results {
		receipt.Effects = append(receipt.Effects, record.EffectOf(result))
	}
	receipts, forgotten := d.receipts.Add(receipt)
	d.receipts, d.decided[w.Key] = receipts, receipt
	if forgotten != nil {
		delete(d.decided, forgotten.Key)
	}
}

// recall replies to a write like to the first one with its key. What the registry owns of an instance may be newer in it.
func (d *draft) recall(receipt *record.Receipt, w Write) reply {
	r := reply{outcome: Outcome{Index: receipt.Index}}
	switch {
	case receipt.Request != requestHash(w):
		r.outcome.Index = 0
		r.err = fmt.Errorf("%w: the idempotency key %q stands for another write already, decided at index %d; take a new key for a new write",
			fault.ErrConflict, receipt.Key, receipt.Index)
	case receipt.Refusal != 0:
		r.err = fmt.Errorf("%w; this write with the idempotency key %q was refused at index %d", receipt.Refusal.Err(), receipt.Key, receipt.Index)
		if len(w.Operations) > 1 {
			r.err = &registry.OperationError{Position: receipt.Refused, Err: r.err}
		}
	default:
		for i, op := range w.Operations {
			r.outcome.Results = append(r.outcome.Results, receipt.Effects[i].Result(d.standing(op, receipt.Index)))
		}
	}
	return r
}

// standing is the instance that an operation of an earlier index was about as it stands now. Where it has gone since, or
// become another, it is as the operation alone tells it.
func (d *draft) standing(op registry.Operation, index uint64) *registry.Instance {
	service, id := op.Target()
	now := d.edit.Instance(service, id)
	register, registers := op.(registry.Register)
	switch {
	case registers && (now == nil || record.Digest(now) != record.Digest(&register.Instance)):
		register.If = registry.Precondition{}
		results, err := registry.NewState().Edit().Apply(index, register)
		if err == nil {
			return results[0].Instance
		}
		return &register.Instance
	case now == nil:
		return &registry.Instance{Service: service, ID: id}
	}
	return now
}

// requestHash names what a write asks for.
func requestHash(w Write) (h record.RequestHash) {
	w.Key = ""
	sum := sha256.Sum256(encodeWrite(w))
	copy(h[:], sum[:])
	return h
}
