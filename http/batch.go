package http

import (
	"bytes"
	"encoding/json"
	"errors"
	nethttp "net/http"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// batch has several operations decided as one: all or none, at one index. Whatever is wrong with one of them, from its
// spelling to the state that it meets, is told with its position.
func (a *api) batch(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	if err := unconditional(r, ifMatch, ifNoneMatch); err != nil {
		return err
	}
	ops, err := decodeBatch(r)
	if err != nil {
		return err
	}
	outcome, err := a.submit(w, r, ops...)
	if err != nil {
		return positioned(ops, err)
	}
	return w.json(nethttp.StatusOK, batchAnswer(ops, outcome))
}

// decodeBatch reads the operations one by one, so that each mistake has a position.
func decodeBatch(r *nethttp.Request) ([]registry.Operation, error) {
	var body struct {
		Operations []json.RawMessage `json:"operations"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	if n := len(body.Operations); n == 0 || n > wire.MaxOperations {
		return nil, invalid("operations", "must be 1 to %d, not %d", wire.MaxOperations, n)
	}
	type instance struct{ service, id string }
	seen := make(map[instance]int, len(body.Operations))
	ops := make([]registry.Operation, len(body.Operations))
	for n, raw := range body.Operations {
		op, err := decodeOperation(raw)
		if err != nil {
			return nil, &registry.OperationError{Position: n, Err: err}
		}
		service, id := op.Target()
		if first, twice := seen[instance{service, id}]; twice {
			return nil, &registry.OperationError{Position: n, Err: invalid("operations",
				"instance %q of service %q is in operation %d already, and each may be in a batch once", id, service, first)}
		}
		seen[instance{service, id}] = n
		ops[n] = op
	}
	return ops, nil
}

// decodeOperation reads one operation of a batch and validates it.
func decodeOperation(raw []byte) (registry.Operation, error) {
	if !bytes.HasPrefix(raw, []byte("{")) {
		return nil, invalid("operations", "each must be an object")
	}
	var body wire.BatchOperation
	if err := strictly(raw, &body); err != nil {
		return nil, err
	}
	var ops []registry.Operation
	if i := body.Register; i != nil {
		ops = append(ops, registry.Register{Instance: i.Normalize()})
	}
	if d := body.Deregister; d != nil {
		ops = append(ops, registry.Deregister{Service: d.Service, ID: d.ID})
	}
	if h := body.Health; h != nil {
		ops = append(ops, healthReport(h.Service, h.ID, h.HealthReport))
	}
	if len(ops) != 1 {
		return nil, invalid("operations", "each must hold one of register, deregister and health, not %d of them", len(ops))
	}
	return ops[0], ops[0].Validate()
}

// positioned gives the error of the only operation of a batch its position, which the registry leaves out. An error that
// is about no operation, such as that of a cluster without a leader, has none.
func positioned(ops []registry.Operation, err error) error {
	if _, ok := errors.AsType[*registry.OperationError](err); ok || len(ops) > 1 {
		return err
	}
	for _, refusal := range []error{registry.ErrInvalid, registry.ErrInstanceNotFound, registry.ErrCheckNotFound} {
		if errors.Is(err, refusal) {
			return &registry.OperationError{Position: 0, Err: err}
		}
	}
	return err
}

func batchAnswer(ops []registry.Operation, outcome fsm.Outcome) wire.BatchAnswer {
	results := make([]wire.BatchResult, len(ops))
	for n, result := range outcome.Results {
		service, id := ops[n].Target()
		results[n] = wire.BatchResult{Service: service, ID: id, Created: result.Created, Changed: result.Changed}
		switch ops[n].(type) {
		case registry.Register:
			results[n].Instance = result.Instance
			results[n].Digest = record.Digest(result.Instance)
		case registry.ReportHealth:
			results[n].Instance = result.Instance
		}
	}
	return wire.BatchAnswer{Index: outcome.Index, Results: results}
}
