package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

const stall = 200 * time.Millisecond

// save saves from these nodes and returns what came.
func save(t *testing.T, stall time.Duration, nodes ...string) (string, error) {
	t.Helper()
	var got []byte
	err := SaveSnapshot(t.Context(), client(t, nodes...), stall, func(snapshot io.Reader) (err error) {
		got, err = io.ReadAll(snapshot)
		return err
	})
	return string(got), err
}

// restore sends a snapshot of a megabyte to these nodes.
func restore(t *testing.T, nodes ...string) (Answer[wire.Restored], error) {
	t.Helper()
	snapshot := bytes.Repeat([]byte("snapshot"), 1<<17)
	return RestoreSnapshot(t.Context(), client(t, nodes...), stall, bytes.NewReader(snapshot), int64(len(snapshot)))
}

func sending(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the snapshot") }

// restoring reads all of a snapshot and restores it.
func restoring(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil || n != r.ContentLength {
		http.Error(w, fmt.Sprint(n, err), http.StatusBadRequest)
		return
	}
	w.Header().Set(wire.HeaderIndex, "42")
	fmt.Fprint(w, `{"index": 42, "instances": 7, "services": 3}`)
}

func TestASnapshotComesFromTheFirstNodeThatHasOne(t *testing.T) {
	none, one := serve(t, failing(wire.CodeNoLeader, "")), serve(t, sending)
	got, err := save(t, stall, unreachable(t), none.url, one.url)
	if err != nil || got != "the snapshot" || none.asked.Load() != 1 {
		t.Errorf("got %q, error %v; the one without was asked %d times", got, err, none.asked.Load())
	}
}

func TestASnapshotThatBreaksOffIsAnError(t *testing.T) {
	cut, whole := serve(t, cuttingOff), serve(t, sending)
	got, err := save(t, stall, cut.url, whole.url)
	if err == nil || !strings.Contains(err.Error(), cut.url) {
		t.Errorf("got %q, error %v", got, err)
	}
	if whole.asked.Load() != 0 {
		t.Error("another snapshot was put behind the half of the first")
	}
}

func TestASlowSnapshotIsWaitedForAsLongAsItComes(t *testing.T) {
	slow := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 6 {
			time.Sleep(stall / 2)
			fmt.Fprint(w, "part ")
			_ = http.NewResponseController(w).Flush()
		}
	})
	if got, err := save(t, stall, slow.url); err != nil || got != strings.Repeat("part ", 6) {
		t.Errorf("got %q, error %v", got, err)
	}
}

func TestASnapshotThatStandsStillIsGivenUp(t *testing.T) {
	stuck := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "part")
		_ = http.NewResponseController(w).Flush()
		silent(w, r)
	})
	if got, err := save(t, stall, stuck.url); !errors.Is(err, fault.ErrTimeout) {
		t.Errorf("got %q, error %v", got, err)
	}
}

func TestARestoreGoesToTheNextNodeWhereItIsCertainThatNothingHappened(t *testing.T) {
	for name, c := range map[string]struct {
		first http.HandlerFunc
		next  bool
		want  error
	}{
		"no leader":                 {failing(wire.CodeNoLeader, wire.NotApplied), true, nil},
		"overloaded":                {failing(wire.CodeOverloaded, wire.NotApplied), true, nil},
		"not ready":                 {failing(wire.CodeNotReady, wire.NotApplied), true, nil},
		"no leader, outcome unsure": {failing(wire.CodeNoLeader, wire.OutcomeUnknown), false, fault.ErrNoLeader},
		"another restore":           {failing(wire.CodeConflict, wire.NotApplied), false, fault.ErrConflict},
		"a hang-up":                 {hangingUp, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			first, next := serve(t, c.first), serve(t, restoring)
			answer, err := restore(t, first.url, next.url)
			if (next.asked.Load() > 0) != c.next || (err == nil) != c.next || !errors.Is(err, c.want) && c.want != nil {
				t.Fatalf("the next one was asked %d times, error %v", next.asked.Load(), err)
			}
			if want := (wire.Restored{Index: 42, Instances: 7, Services: 3}); c.next && (answer.Body != want || answer.Index != 42) {
				t.Errorf("answered %+v", answer)
			}
		})
	}
}

func TestANodeThatRefusesIsNotSentEverything(t *testing.T) {
	refusing := serve(t, failing(wire.CodeConflict, wire.NotApplied))
	sent := 0
	size := int64(64 << 20)
	_, err := RestoreSnapshot(t.Context(), client(t, refusing.url), stall, readerAt(func(b []byte) { sent += len(b) }), size)
	if !errors.Is(err, fault.ErrConflict) || fault.IsUnknown(err) {
		t.Errorf("error %v", err)
	}
	if sent > 1<<20 {
		t.Errorf("%d bytes were sent in vain", sent)
	}
}

type readerAt func(b []byte)

func (r readerAt) ReadAt(b []byte, _ int64) (int, error) {
	r(b)
	return len(b), nil
}

func TestARestoreMayTakeLongerThanItsUploadMayStandStill(t *testing.T) {
	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(3 * stall)
		fmt.Fprint(w, `{"index": 42}`)
	})
	if answer, err := restore(t, slow.url); err != nil || answer.Body.Index != 42 {
		t.Errorf("answered %+v, error %v", answer, err)
	}
}

func TestARestoreThatStandsStillIsGivenUpAndItsOutcomeIsUnknown(t *testing.T) {
	given := make(chan struct{})
	stuck := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 1)
		<-given // a server that does not read does not notice that the caller has left
	})
	defer close(given)
	snapshot := make([]byte, 64<<20) // more than the sockets take
	_, err := RestoreSnapshot(t.Context(), client(t, stuck.url), stall, bytes.NewReader(snapshot), int64(len(snapshot)))
	if !errors.Is(err, fault.ErrTimeout) || !fault.IsUnknown(err) {
		t.Errorf("error %v", err)
	}
}

func TestSnapshotsAsCurlDoesThem(t *testing.T) {
	c := client(t, "http://[::1]:7300")
	for got, want := range map[string]string{
		CurlSave(c, "my file"): "curl --globoff --fail-with-body -o 'my file' 'http://[::1]:7300/v1/cluster/snapshot'",
		CurlSave(c, "-"):       "curl --globoff --fail-with-body 'http://[::1]:7300/v1/cluster/snapshot'",
		CurlRestore(c, "f"):    "curl --globoff --fail-with-body -T f 'http://[::1]:7300/v1/cluster/snapshot'",
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
