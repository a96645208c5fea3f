package heartbeats

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

var name = rapid.StringMatching(`[a-z][a-z0-9./-]{0,8}`)

func TestAMessageArrivesAsItWasSent(t *testing.T) {
	beat := rapid.Custom(func(t *rapid.T) wire.Heartbeat {
		return wire.Heartbeat{Service: name.Draw(t, "service"), ID: name.Draw(t, "id"), Digest: rapid.SampledFrom([]string{"", "0123456789abcdef"}).Draw(t, "digest")}
	})
	rapid.Check(t, func(t *rapid.T) {
		sent := message{via: name.Draw(t, "via"), label: name.Draw(t, "label"), beats: rapid.SliceOfN(beat, 1, 20).Draw(t, "beats")}
		got, err := decodeMessage(sent.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sent, got, cmp.AllowUnexported(message{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAgesArriveAsTheyWereSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := health.Age{
			Lease: registry.LeaseName{Service: name.Draw(t, "service"), ID: name.Draw(t, "id"), Index: rapid.Uint64().Draw(t, "index")},
			Age:   time.Duration(rapid.Int64().Draw(t, "age")),
			Via:   rapid.SampledFrom([]string{"", "n1"}).Draw(t, "via"),
		}
		encoded := appendAge(nil, sent)
		from := bufio.NewReader(bytes.NewReader(append([]byte{byte(len(encoded))}, encoded...)))
		if got, err := readAge(from); err != nil || got != sent {
			t.Fatalf("%+v arrives as %+v: %v", sent, got, err)
		}
		if _, err := readAge(from); !errors.Is(err, io.EOF) {
			t.Fatalf("the end is %v", err)
		}
	})
}

func FuzzAnyMessageIsRefusedOrUnderstood(f *testing.F) {
	f.Add(message{via: "n1", label: "n1", beats: beats("a", "b")}.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMessage(b)
		if err != nil {
			return
		}
		if again, err := decodeMessage(m.encode()); err != nil || !cmp.Equal(m, again, cmp.AllowUnexported(message{})) {
			t.Errorf("%+v is %+v the second time: %v", m, again, err)
		}
	})
}

func FuzzAnyStreamOfAgesComesToAnEnd(f *testing.F) {
	f.Add(append([]byte{7}, appendAge(nil, health.Age{Age: 1})...))
	f.Fuzz(func(_ *testing.T, b []byte) {
		from := bufio.NewReader(bytes.NewReader(b))
		for {
			if _, err := readAge(from); err != nil {
				return
			}
		}
	})
}

func TestVerdictsThatDoNotFitAreRefused(t *testing.T) {
	for _, b := range [][]byte{nil, {1}, {1, 1, 1}, {1, 9}} {
		if _, err := decodeVerdicts(b, 2); err == nil {
			t.Errorf("%v is taken for two verdicts", b)
		}
	}
}
