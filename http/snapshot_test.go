package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

const snapshotPath = wire.PathSnapshot

// snapshotOf is the snapshot that a harness's node gives.
func snapshotOf(t testing.TB, h *harness) string {
	t.Helper()
	return h.call("GET", snapshotPath, "").want(200).Body.String()
}

func TestASnapshotIsTheWholeStateAfterAConfirmedIndex(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.register("orders", "orders-1")
	h.node.confirmed = 4
	time.AfterFunc(20*time.Millisecond, func() { h.node.advance(4) })
	r := h.call("GET", snapshotPath, "").want(200)
	summary, err := fsm.Inspect(bytes.NewReader(r.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if summary.Instances != 2 || summary.Index != 4 || summary.ClusterID != "01CLUSTER" {
		t.Errorf("the snapshot holds %+v", summary)
	}
	for header, want := range map[string]string{
		wire.HeaderIndex: "4", "Content-Type": wire.TypeSnapshot, "Content-Disposition": `attachment; filename="muster-4.snapshot"`,
	} {
		if got := r.Header().Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
}

func TestANodeWithoutAMajorityGivesNoSnapshot(t *testing.T) {
	h := newHarness(t)
	h.node.mute = fault.ErrNoLeader
	h.call("GET", snapshotPath, "").problem(wire.CodeNoLeader)
}

func TestARestoreSaysWhatTheStateHasBecome(t *testing.T) {
	source := newHarness(t)
	source.register("payments", "payments-1")
	source.register("orders", "orders-1")
	snapshot := snapshotOf(t, source)
	for _, header := range []string{"X: nothing", "Content-Type: application/octet-stream", "Content-Type: " + typeForm} {
		r := newHarness(t).call("PUT", snapshotPath, snapshot, header).want(200)
		if got, want := decoded[wire.Restored](r), (wire.Restored{Index: 7, Instances: 2, Services: 2}); got != want || r.Header().Get(wire.HeaderIndex) != "7" {
			t.Errorf("answered %+v at %s, want %+v", got, r.Header().Get(wire.HeaderIndex), want)
		}
	}
}

func TestARestoreThatFailsSaysWhatBecameOfTheState(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		code    wire.Code
		outcome wire.Outcome
	}{
		"a damaged one":    {invalid("body", "is no whole snapshot: it ends before its trailer"), wire.CodeInvalidRequest, wire.NotApplied},
		"another one":      {fmt.Errorf("%w: this node is carrying out another restore", fault.ErrConflict), wire.CodeConflict, wire.NotApplied},
		"no leader":        {fmt.Errorf("%w: nothing was changed", fault.ErrNoLeader), wire.CodeNoLeader, wire.NotApplied},
		"a lost swap":      {fault.Unknown(fault.ErrTimeout), wire.CodeTimeout, wire.OutcomeUnknown},
		"a full disk":      {fault.ErrDiskFull, wire.CodeDiskFull, wire.NotApplied},
		"a disk that died": {errors.New("input/output error"), wire.CodeInternal, wire.NotApplied},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.node.restore = func(context.Context, io.Reader) (fsm.Restored, error) { return fsm.Restored{}, c.err }
			if p := h.call("PUT", snapshotPath, "whatever").problem(c.code); p.Outcome != c.outcome {
				t.Errorf("outcome %q, want %q", p.Outcome, c.outcome)
			}
		})
	}
}

func TestWhatIsNoSnapshotIsRefused(t *testing.T) {
	h := newHarness(t)
	h.call("PUT", snapshotPath, "{}", "Content-Type: application/json").about(wire.CodeUnsupportedMediaType, wire.TypeSnapshot)
	h.call("PUT", snapshotPath, "", "Content-Encoding: gzip").problem(wire.CodeUnsupportedMediaType)
	h.call("PUT", snapshotPath, "", "Sec-Fetch-Site: cross-site").problem(wire.CodeForbidden)
}

func TestASnapshotBeyondTheLimitIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		conn := s.raw(fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: n\r\nContent-Length: %d\r\n\r\n", snapshotPath, fsm.MaxSnapshot+1))
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		received(t, parse(t, answer)).problem(wire.CodeTooLarge)
	})
}

// sendSlowly uploads a snapshot byte by byte, one in a pause, as far as it is told, and returns the answer.
func (s *served) sendSlowly(bytes int, pause time.Duration) reply {
	s.t.Helper()
	conn := s.raw(fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: n\r\nConnection: close\r\nContent-Length: 50\r\n\r\n", snapshotPath))
	go func() {
		for range bytes {
			time.Sleep(pause)
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	answer, err := io.ReadAll(conn)
	if err != nil {
		s.t.Fatal(err)
	}
	return received(s.t, parse(s.t, answer))
}

// readWhole takes a snapshot as the node does: first all of it, then for as long as it takes to restore it.
func readWhole(s *served, takes time.Duration) {
	s.node.restore = func(ctx context.Context, snapshot io.Reader) (fsm.Restored, error) {
		b, err := io.ReadAll(snapshot)
		if err != nil {
			return fsm.Restored{}, err
		}
		select {
		case <-time.After(takes):
			return fsm.Restored{Index: uint64(len(b))}, nil
		case <-ctx.Done():
			return fsm.Restored{}, context.Cause(ctx)
		}
	}
}

func TestASlowUploadThatMakesProgressIsNotCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		readWhole(s, 0)
		s.sendSlowly(50, requestTimeout-time.Second).want(200)
	})
}

func TestAnUploadThatStandsStillIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		readWhole(s, 0)
		began := time.Now()
		p := s.sendSlowly(3, time.Minute/4-time.Second).problem(wire.CodeTimeout)
		if !strings.Contains(p.Detail, "after 3 bytes") || p.Outcome != wire.NotApplied {
			t.Errorf("%s: %s", p.Outcome, p.Detail)
		}
		if took := time.Since(began); took > 3*requestTimeout+requestTimeout+time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestARestoreMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		readWhole(s, 20*time.Minute)
		if r := s.sendSlowly(50, time.Second).want(200); r.Header().Get(wire.HeaderIndex) != "50" {
			t.Errorf("restored at %s", r.Header().Get(wire.HeaderIndex))
		}
	})
}

func TestARestoreEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		ended := make(chan error, 1)
		s.node.restore = func(ctx context.Context, snapshot io.Reader) (fsm.Restored, error) {
			_, err := io.Copy(io.Discard, snapshot)
			<-ctx.Done()
			ended <- err
			return fsm.Restored{}, ctx.Err()
		}
		conn := s.raw("PUT " + snapshotPath + " HTTP/1.1\r\nHost: n\r\nContent-Length: 1\r\n\r\nx")
		time.Sleep(time.Minute)
		select {
		case <-ended:
			t.Fatal("it ended while the caller was there")
		default:
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the body ended with %v", err)
		}
	})
}

func TestAServerThatStopsDoesNotWaitForAnUploadOrARestore(t *testing.T) {
	for name, c := range map[string]struct {
		sent  int
		after time.Duration
	}{"in the upload": {3, 5 * time.Second}, "after it": {50, time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			s, stop := serve(t)
			defer stop()
			readWhole(s, time.Hour)
			answered := make(chan reply, 1)
			go func() { answered <- s.sendSlowly(c.sent, time.Second) }()
			time.Sleep(c.after)
			began := time.Now()
			if err := s.Shutdown(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s: it took %s", name, took)
			}
			(<-answered).about(wire.CodeNotReady, "stopping")
		})
	}
}

// receive reads a snapshot in parts with pauses and tells how it ended.
func receive(t *testing.T, s *served, part int, pause time.Duration) ([]byte, error) {
	t.Helper()
	response, err := s.client.Get("http://node.example" + snapshotPath)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got bytes.Buffer
	for {
		time.Sleep(pause)
		_, err := io.CopyN(&got, response.Body, int64(part))
		if errors.Is(err, io.EOF) {
			return got.Bytes(), nil
		}
		if err != nil {
			return got.Bytes(), err
		}
	}
}

// fill registers enough for a snapshot of several buffers.
func fill(s *served) {
	for n := range 3000 {
		s.t.Helper()
		i := registry.Instance{
			Service: "payments", ID: fmt.Sprintf("p%04d", n), Address: "10.0.0.7", Port: 80,
			Metadata: map[string]string{"padding": strings.Repeat("v", 200)},
		}
		if _, err := s.node.decide(fsm.Write{Operations: []registry.Operation{registry.Register{Instance: i.Normalize()}}}); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestASlowDownloadThatMakesProgressIsNotCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		fill(s)
		b, err := receive(t, s, 64<<10, answerTimeout-time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if summary, err := fsm.Inspect(bytes.NewReader(b)); err != nil || summary.Instances != 3000 {
			t.Errorf("%d instances came, error %v", summary.Instances, err)
		}
	})
}

func TestASnapshotThatCannotBeWrittenToItsEndBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		fill(s)
		larger := registry.Instance{Service: "z", ID: "i", Address: "10.0.0.7", Port: 80, Metadata: map[string]string{"k": strings.Repeat("v", 2<<20)}}
		if _, err := s.node.decide(fsm.Write{Operations: []registry.Operation{registry.Register{Instance: larger}}}); err != nil { // which validates nothing
			t.Fatal(err)
		}
		if b, err := receive(t, s, 64<<10, 0); err == nil {
			t.Errorf("%d bytes came, and nothing says that they are not all", len(b))
		}
	})
}

func TestADownloadThatStandsStillBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		fill(s)
		b, err := receive(t, s, 64<<10, 2*answerTimeout)
		if err == nil {
			t.Fatalf("%d bytes came, and nothing says that they are not all", len(b))
		}
		if _, err := fsm.Inspect(bytes.NewReader(b)); err == nil {
			t.Error("the part is taken for the whole")
		}
	})
}
