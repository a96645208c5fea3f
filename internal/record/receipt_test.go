package record_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

func TestAReceiptComesBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &record.Receipt{
			Key:     rapid.StringMatching("[!-~]{1,64}").Draw(t, "key"),
			Index:   rapid.Uint64().Draw(t, "index"),
			Refusal: record.Refusal(rapid.IntRange(0, int(record.RefusedPrecondition)).Draw(t, "refusal")),
			Refused: rapid.IntRange(0, 511).Draw(t, "position"),
		}
		copy(want.Request[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "request"))
		for range rapid.IntRange(0, 5).Draw(t, "operations") {
			want.Effects = append(want.Effects, record.Effect(rapid.IntRange(0, 3).Draw(t, "effect")))
		}
		got, err := record.DecodeReceipt(record.AppendReceipt(nil, want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzDecodeReceipt(f *testing.F) {
	f.Add(record.AppendReceipt(nil, &record.Receipt{Key: "k1", Index: 3, Refusal: record.RefusedNoService}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := record.DecodeReceipt(b)
		if err != nil {
			if !errors.Is(err, record.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		again, err := record.DecodeReceipt(record.AppendReceipt(nil, r))
		if err != nil || !cmp.Equal(r, again) {
			t.Fatalf("%+v became %+v, error %v", r, again, err)
		}
	})
}

func TestEveryRefusalOfTheRegistryHasANumber(t *testing.T) {
	for _, err := range []error{
		registry.ErrInvalid, registry.ErrServiceNotFound, registry.ErrInstanceNotFound,
		registry.ErrCheckNotFound, registry.ErrPreconditionFailed,
	} {
		if refusal := record.RefusalOf(&registry.OperationError{Position: 3, Err: err}); !errors.Is(refusal.Err(), err) {
			t.Errorf("%v became %v", err, refusal.Err())
		}
	}
}
