package fsm

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

func TestAnEntryComesBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := command{proposedAt: time.Unix(0, rapid.Int64().Draw(t, "time")), proposer: rapid.String().Draw(t, "proposer")}
		var encoded [][]byte
		for range rapid.IntRange(1, 5).Draw(t, "writes") {
			w := Write{Key: rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(t, "key"), Term: rapid.SampledFrom([]uint64{0, 7}).Draw(t, "term")}
			for range rapid.IntRange(1, 3).Draw(t, "operations") {
				w.Operations = append(w.Operations, drawOperation(t))
			}
			want.writes = append(want.writes, w)
			encoded = append(encoded, encodeWrite(w))
		}
		version := rapid.ByteRange(writeVersion, commandVersion).Draw(t, "version")
		want.version = int(version)
		got, err := decodeCommand(encodeCommand(version, want.proposedAt, want.proposer, encoded))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(command{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestEveryDamageToAnEntryIsFound(t *testing.T) {
	whole := entryOf(1, writeOf(registerOp("orders", "i1", "1")), writeOf(registry.Deregister{Service: "orders", ID: "i2"})).Data
	for at := range whole {
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[at] ^= 1 << bit
			if _, err := decodeCommand(flipped); !errors.Is(err, errUnreadable) {
				t.Fatalf("bit %d of byte %d flipped: error %v", bit, at, err)
			}
		}
		if _, err := decodeCommand(whole[:at]); !errors.Is(err, errUnreadable) {
			t.Fatalf("cut to %d bytes: error %v", at, err)
		}
	}
}

func FuzzDecodeWrite(f *testing.F) {
	f.Add(encodeWrite(writeOf(registerOp("orders", "i1", "1"))))
	f.Add(encodeWrite(writeOf(registry.ReportHealth{Service: "a", ID: "b", Report: registry.Report{Status: registry.Unhealthy}})))
	f.Add(encodeWrite(Write{Key: "k1", Operations: []registry.Operation{registry.Deregister{Service: "a", ID: "b"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := decodeWrite(b)
		if err != nil {
			return
		}
		again, err := decodeWrite(encodeWrite(w))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encodeWrite(w), encodeWrite(again)) {
			t.Fatal("a write that was read is written otherwise the second time")
		}
	})
}

func TestAReplyComesBackAsItWasGiven(t *testing.T) {
	m := newMachine()
	given := mustApply(t, m, entryOf(3, writeOf(registerOp("orders", "i1", "1"), registerOp("orders", "i2", "1"))))[0]
	b, err := encodeReply(given)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeReply(b)
	if err != nil || got.err != nil {
		t.Fatal(err, got.err)
	}
	if diff := cmp.Diff(given.outcome, got.outcome); diff != "" {
		t.Error(diff)
	}
}

func TestAnErrorInAReplyIsTheSameErrorOnTheOtherSide(t *testing.T) {
	for _, given := range []error{
		registry.ErrPreconditionFailed, registry.ErrInstanceNotFound, fault.ErrOverloaded, fault.Unknown(fault.ErrTimeout),
		&registry.OperationError{Position: 3, Err: registry.ErrServiceNotFound},
	} {
		b, err := encodeReply(reply{err: given})
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeReply(b)
		if err != nil {
			t.Fatal(err)
		}
		sentinel := given
		for errors.Unwrap(sentinel) != nil {
			sentinel = errors.Unwrap(sentinel)
		}
		if !errors.Is(got.err, sentinel) || fault.IsUnknown(got.err) != fault.IsUnknown(given) {
			t.Errorf("%v became %v", given, got.err)
		}
	}
}
