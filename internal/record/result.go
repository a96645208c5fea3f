package record

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/registry"
)

const (
	resultInstance protowire.Number = 1 // an instance; missing where there is none
	resultCreated  protowire.Number = 2
	resultChanged  protowire.Number = 3
)

// AppendResult appends the bytes of r to b and returns the result.
func AppendResult(b []byte, r registry.Result) []byte {
	if r.Instance != nil {
		b = appendMessage(b, resultInstance, func(b []byte) []byte { return Append(b, r.Instance) })
	}
	b = appendBool(b, resultCreated, r.Created)
	return appendBool(b, resultChanged, r.Changed)
}

// DecodeResult reads what [AppendResult] wrote. Other bytes give an [ErrDamaged].
func DecodeResult(b []byte) (registry.Result, error) {
	var r registry.Result
	err := wholeRecord(b).each(func(f field) error {
		switch f.num {
		case resultInstance:
			r.Instance = new(registry.Instance)
			return f.message("instance", func(m message) error { return decodeInstance(m, r.Instance) })
		case resultCreated:
			return f.bool("created", &r.Created)
		case resultChanged:
			return f.bool("changed", &r.Changed)
		}
		return nil
	})
	if err != nil {
		return registry.Result{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return r, nil
}
