package record_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

func anyOperation() *rapid.Generator[registry.Operation] {
	return rapid.Custom(func(t *rapid.T) registry.Operation {
		service, id := text().Draw(t, "service"), text().Draw(t, "id")
		lease := registry.LeaseName{Service: service, ID: id, Index: rapid.Uint64().Draw(t, "lease index")}
		cause := registry.Cause{Evidence: text().Draw(t, "evidence")}
		for range rapid.IntRange(0, 2).Draw(t, "nodes") {
			cause.SeenBy = append(cause.SeenBy, text().Draw(t, "node"))
		}
		switch rapid.IntRange(1, 8).Draw(t, "kind") {
		case 1:
			return registry.Register{Instance: *anyInstance().Draw(t, "instance"), If: anyPrecondition().Draw(t, "if")}
		case 2:
			return registry.Deregister{Service: service, ID: id, If: anyPrecondition().Draw(t, "if")}
		case 3:
			report := registry.Report{Status: status().Draw(t, "status"), Output: text().Draw(t, "output")}
			return registry.ReportHealth{Service: service, ID: id, Check: text().Draw(t, "check"), Report: report}
		case 4:
			return registry.ExpireLease{LeaseName: lease, Cause: cause}
		case 5:
			return registry.ReviveLease{LeaseName: lease, Cause: cause}
		case 6:
			return registry.ReapInstance{LeaseName: lease, Cause: cause}
		case 7:
			return registry.JudgeCheck{
				Service: service, ID: id, Incarnation: lease.Index, Check: text().Draw(t, "check"),
				Report:    registry.Report{Status: status().Draw(t, "status"), Output: text().Draw(t, "output")},
				Preserved: rapid.Bool().Draw(t, "preserved"), Silent: rapid.Bool().Draw(t, "silent"), Cause: cause,
			}
		default:
			maintenance := registry.Maintenance{Enabled: rapid.Bool().Draw(t, "enabled"), Reason: text().Draw(t, "reason")}
			return registry.SetMaintenance{Service: service, ID: id, Maintenance: maintenance}
		}
	})
}

func anyPrecondition() *rapid.Generator[registry.Precondition] {
	return rapid.Custom(func(t *rapid.T) registry.Precondition {
		return registry.Precondition{Match: rapid.Uint64().Draw(t, "match"), Absent: rapid.Bool().Draw(t, "absent")}
	})
}

func TestAnOperationIsDecodedAsItWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyOperation().Draw(t, "operation")
		got, err := record.DecodeOperation(record.AppendOperation(nil, want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("decoded (-want +got):\n%s", diff)
		}
	})
}

func TestAResultIsDecodedAsItWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := registry.Result{
			Instance: anyInstance().Draw(t, "instance"), Created: rapid.Bool().Draw(t, "created"), Changed: rapid.Bool().Draw(t, "changed"),
		}
		got, err := record.DecodeResult(record.AppendResult(nil, want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("decoded (-want +got):\n%s", diff)
		}
	})
}

// To skip an operation that other nodes apply would be to diverge from them.
func TestAnOperationThatIsNotKnownIsRefused(t *testing.T) {
	for _, test := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"nothing", nil, "there is no operation in it"},
		{"a kind of a later version", []byte{15<<3 | 2, 0}, "byte 2: an operation of the unknown kind 15"},
		{"one that is cut off", []byte{2<<3 | 2, 9, 1<<3 | 2}, "byte 1: the value of field 2 is cut off"},
		{"one with a number for a name", []byte{2<<3 | 2, 2, 1 << 3, 1}, "deregister: service: byte 3: a value of wire type 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			op, err := record.DecodeOperation(test.bytes)
			if !errors.Is(err, record.ErrDamaged) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v and error %v, want an ErrDamaged with %q", op, err, test.want)
			}
		})
	}
}

// Whatever the bytes are: no panic, and what can be read can be written and read again.
func FuzzDecodeOperation(f *testing.F) {
	f.Add(record.AppendOperation(nil, registry.Register{Instance: *full(), If: registry.Precondition{Match: 7}}))
	f.Add(record.AppendOperation(nil, registry.Deregister{Service: "a", ID: "1", If: registry.Precondition{Absent: true}}))
	f.Add(record.AppendOperation(nil, registry.ReportHealth{Service: "a", ID: "1", Check: "http"}))
	f.Add(record.AppendOperation(nil, registry.SetMaintenance{Service: "a", ID: "1"}))
	f.Add(record.AppendOperation(nil, registry.ExpireLease{LeaseName: registry.LeaseName{Service: "a", ID: "1", Index: 3}, Cause: registry.Cause{SeenBy: []string{"n1"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := record.DecodeOperation(b)
		if err != nil {
			if !errors.Is(err, record.ErrDamaged) {
				t.Fatalf("not an ErrDamaged: %v", err)
			}
			return
		}
		second, err := record.DecodeOperation(record.AppendOperation(nil, first))
		if err != nil {
			t.Fatalf("what was decoded from %x: %v", b, err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("decoded, encoded and decoded again (-first +second):\n%s", diff)
		}
	})
}
