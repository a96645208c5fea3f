package fsm

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
)

// reply is how a write ended: with an outcome, or with an error.
type reply struct {
	outcome  Outcome
	restored Restored // of the swap that ends a restore
	err      error
}

// The leader's reply to the node that passed a write on.
const (
	replyIndex   protowire.Number = 1
	replyResult  protowire.Number = 2 // a result each
	replyProblem protowire.Number = 3 // a problem document; the write failed, at the index if the state refused it

	replyRestored  protowire.Number = 4 // the index of a restore that went through, which may be an earlier one
	replyInstances protowire.Number = 5 // restored
	replyServices  protowire.Number = 6 // restored
)

func encodeReply(r reply) ([]byte, error) {
	b := protowire.AppendTag(nil, replyIndex, protowire.VarintType)
	b = protowire.AppendVarint(b, r.outcome.Index)
	if r.err != nil {
		problem, err := json.Marshal(wire.WriteProblemOf(r.err))
		if err != nil {
			return nil, err
		}
		b = protowire.AppendTag(b, replyProblem, protowire.BytesType)
		return protowire.AppendBytes(b, problem), nil
	}
	for _, result := range r.outcome.Results {
		b = protowire.AppendTag(b, replyResult, protowire.BytesType)
		b = protowire.AppendBytes(b, record.AppendResult(nil, result))
	}
	if r.restored != (Restored{}) {
		b = protowire.AppendTag(b, replyRestored, protowire.VarintType)
		b = protowire.AppendVarint(b, r.restored.Index)
		b = protowire.AppendTag(b, replyInstances, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(r.restored.Instances))
		b = protowire.AppendTag(b, replyServices, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(r.restored.Services))
	}
	return b, nil
}

// decodeReply reads what [encodeReply] wrote. An error in the result is the write's own; the other one says that the
// bytes are no reply.
func decodeReply(b []byte) (reply, error) {
	var r reply
	err := eachField(b, func(num protowire.Number, number uint64, bytes []byte) error {
		switch num {
		case replyIndex:
			r.outcome.Index = number
		case replyRestored:
			r.restored.Index = number
		case replyInstances:
			r.restored.Instances = int(number)
		case replyServices:
			r.restored.Services = int(number)
		case replyResult:
			result, err := record.DecodeResult(bytes)
			r.outcome.Results = append(r.outcome.Results, result)
			return err
		case replyProblem:
			problem := new(wire.Problem)
			r.err = problem
			return json.Unmarshal(bytes, problem)
		}
		return nil
	})
	return r, err
}
