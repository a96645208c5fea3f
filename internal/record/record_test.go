package record_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// full is an instance with something in every field.
func full() *registry.Instance {
	return &registry.Instance{
		Service: "payments", ID: "payments-1", Address: "10.0.0.7", Port: 8080, Zone: "eu-1a", Weight: 100,
		Tags:     []string{"v2", "canary"},
		Metadata: map[string]string{"version": "2.3.1", "team": "billing"},
		Lease:    &registry.Lease{TTL: registry.Duration(15 * time.Second), DeregisterAfter: registry.Duration(10 * time.Minute)},
		Checks: []registry.Check{{
			Name: "http", Type: registry.CheckHTTP, Port: 8081,
			Interval: registry.Duration(10 * time.Second), Timeout: registry.Duration(2 * time.Second), Rise: 1, Fall: 3,
			Path: "/health", Method: "GET", Headers: map[string]string{"Accept": "text/plain"}, ExpectStatus: 200, ExpectBody: "OK",
			GRPCService: "pay", TLS: true, TLSSkipVerify: true, Status: registry.Healthy, Output: "200 OK",
		}},
		Status:      registry.Healthy,
		Reported:    registry.Report{Status: registry.Healthy, Output: "warm"},
		Maintenance: registry.Maintenance{Enabled: true, Reason: "deploy"},
		CreateIndex: 12, ModifyIndex: 40, Incarnation: 39,
	}
}

func TestWhatWasEncodedIsWhatIsDecoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyInstance().Draw(t, "instance")
		prefix := rapid.SliceOf(rapid.Byte()).Draw(t, "prefix")

		b := record.Append(bytes.Clone(prefix), want)
		if !bytes.HasPrefix(b, prefix) {
			t.Fatalf("Append changed what was there before: %x", b)
		}
		got, err := record.Decode(b[len(prefix):])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("decoded (-want +got):\n%s", diff)
		}
	})
}

func TestEqualInstancesHaveEqualBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := anyInstance().Draw(t, "instance")
		two := one.Clone()
		two.Metadata = reordered(t, two.Metadata)
		for n := range two.Checks {
			two.Checks[n].Headers = reordered(t, two.Checks[n].Headers)
		}
		if len(two.Tags) == 0 {
			two.Tags = []string{}
		}
		if a, b := record.Append(nil, one), record.Append(nil, two); !bytes.Equal(a, b) {
			t.Fatalf("equal instances, different bytes:\n%x\n%x", a, b)
		}
	})
}

func TestDifferentInstancesHaveDifferentBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := anyInstance().Draw(t, "one"), anyInstance().Draw(t, "two")
		equal := cmp.Equal(one, two, cmpopts.EquateEmpty())
		if same := bytes.Equal(record.Append(nil, one), record.Append(nil, two)); same != equal {
			t.Fatalf("instances equal: %t, bytes equal: %t", equal, same)
		}
	})
}

// reordered returns an equal map that was filled in another order, with a hole where something else has been.
func reordered(t *rapid.T, m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	keys := rapid.Permutation(slices.Sorted(maps.Keys(m))).Draw(t, "order")
	r := map[string]string{"passing through": ""}
	for _, key := range keys {
		r[key] = m[key]
	}
	if _, ok := m["passing through"]; !ok {
		delete(r, "passing through")
	}
	return r
}

// The bytes lie on disks and in logs: they must stay what they are. A failure means that the format has changed.
func TestTheBytesStayWhatTheyAre(t *testing.T) {
	const want = "" + // as a hexadecimal dump, in lines of 50 bytes
		"0a087061796d656e7473120a7061796d656e74732d311a0831302e302e302e3720903f2a0565752d316130643a0276323a06" +
		"63616e617279420f0a047465616d120762696c6c696e6742100a0776657273696f6e1205322e332e314a0d0880acc7f03710" +
		"80e0a596bb1152660a046874747012046874747018913f2080c8afa0252880a8d6b9073001380342072f6865616c74684a03" +
		"47455452140a06416363657074120a746578742f706c61696e58c80162024f4b6a03706179700178018201076865616c7468" +
		"798a0106323030204f4b5a076865616c746879620f0a076865616c74687912047761726d6a0a080112066465706c6f79700c" +
		"7828800127"
	got := hex.EncodeToString(record.Append(nil, full()))
	if got != want {
		t.Errorf("the encoding has changed:\n got %s\nwant %s", got, want)
	}
}

func TestAnEmptyInstanceTakesNoBytes(t *testing.T) {
	if b := record.Append(nil, &registry.Instance{}); len(b) != 0 {
		t.Errorf("got %x, want nothing", b)
	}
}

func TestPresenceAloneIsKept(t *testing.T) {
	want := &registry.Instance{
		Tags: []string{"", ""}, Metadata: map[string]string{"": ""}, Lease: &registry.Lease{}, Checks: []registry.Check{{}, {}},
	}
	got, err := record.Decode(record.Append(nil, want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

// A later version adds fields; this one reads past them.
func TestUnknownFieldsAreSkipped(t *testing.T) {
	b := protowire.AppendTag(nil, 1000, protowire.VarintType)
	b = protowire.AppendVarint(b, 7)
	b = protowire.AppendTag(b, 1001, protowire.BytesType)
	b = protowire.AppendString(b, "from the future")
	b = protowire.AppendTag(b, 1002, protowire.Fixed32Type)
	b = protowire.AppendFixed32(b, 7)
	b = protowire.AppendTag(b, 1003, protowire.StartGroupType)
	b = protowire.AppendGroup(b, 1003, nil)
	b = record.Append(b, full())
	b = protowire.AppendTag(b, 1004, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, 7)

	got, err := record.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestMalformedBytesAreRefusedWithTheirPlace(t *testing.T) {
	check := func(fields ...byte) []byte { return append([]byte{10<<3 | 2, byte(len(fields))}, fields...) }
	for _, test := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"a field that is cut off", []byte{1<<3 | 2, 5, 'a'}, "byte 1: the value of field 1 is cut off"},
		{"a number that is cut off", []byte{4<<3 | 0, 0x80}, "byte 1: the value of field 4 is cut off"},
		{"a number that is too long", append([]byte{4<<3 | 0}, bytes.Repeat([]byte{0xff}, 11)...), "byte 1: the value of field 4 is malformed"},
		{"no field at all", []byte{0}, "byte 0: the start of a field is malformed"},
		{"a number where text belongs", []byte{1<<3 | 0, 5}, "service: byte 1: a value of wire type 0 where type 2 belongs"},
		{"text where a number belongs", []byte{1<<3 | 2, 0, 4<<3 | 2, 0}, "port: byte 4: a value of wire type 2 where type 0 belongs"},
		{"a number where a message belongs", []byte{9<<3 | 0, 5}, "lease: byte 1: a value of wire type 0 where type 2 belongs"},
		{"text where a bool belongs, inside a check", append(check(), check(14<<3|2, 0)...), "checks: tls: byte 6: a value"},
		{"a pair that is cut off", []byte{8<<3 | 2, 3, 1<<3 | 2, 5, 'a'}, "metadata: byte 3: the value of field 1 is cut off"},
	} {
		t.Run(test.name, func(t *testing.T) {
			i, err := record.Decode(test.bytes)
			if !errors.Is(err, record.ErrDamaged) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v and error %v, want an ErrDamaged with %q", i, err, test.want)
			}
		})
	}
}

// Whatever the bytes are: no panic, and what can be read can be written and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(record.Append(nil, full()))
	f.Add([]byte{1003>>5 | 0xff, 0x3b})
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := record.Decode(b)
		if err != nil {
			if !errors.Is(err, record.ErrDamaged) {
				t.Fatalf("not an ErrDamaged: %v", err)
			}
			return
		}
		canonical := record.Append(nil, first)
		second, err := record.Decode(canonical)
		if err != nil {
			t.Fatalf("what was decoded from %x encodes to %x: %v", b, canonical, err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("decoded, encoded and decoded again (-first +second):\n%s", diff)
		}
		if again := record.Append(nil, second); !bytes.Equal(canonical, again) {
			t.Fatalf("encoded twice:\n%x\n%x", canonical, again)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	i, buf := full(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = record.Append(buf[:0], i)
	}
}

func BenchmarkDecode(b *testing.B) {
	encoded := record.Append(nil, full())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := record.Decode(encoded); err != nil {
			b.Fatal(err)
		}
	}
}
