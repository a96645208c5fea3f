package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// screen is what a running program has written so far.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// awaitText waits until the screen shows exactly this.
func (s *screen) awaitText(t *testing.T, want string) {
	t.Helper()
	want = strings.TrimPrefix(want, "\n")
	eventually.Succeeds(t, 20*time.Second, func() error {
		if got := s.String(); got != want {
			return fmt.Errorf("the screen shows\n%s\nand not\n%s", got, want)
		}
		return nil
	})
}

// watched is a 'muster watch' under way.
type watched struct {
	stdout, stderr screen
	interrupt      context.CancelFunc
	ended          chan int
}

func startWatch(t *testing.T, addr string, args ...string) *watched {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	w := &watched{interrupt: interrupt, ended: make(chan int, 1)}
	p := program{stdout: &w.stdout, stderr: &w.stderr, environ: func() []string { return []string{"MUSTER_ADDR=" + addr} }}
	go func() { w.ended <- p.run(ctx, append([]string{"watch"}, args...)) }()
	return w
}

// stop interrupts it, which is how it is meant to end.
func (w *watched) stop(t *testing.T) {
	t.Helper()
	w.interrupt()
	if status := <-w.ended; status != exitDone {
		t.Errorf("exit status %d: %s", status, w.stderr.String())
	}
}

func TestAWatchPrintsWhatIsThereAndThenWhatChanges(t *testing.T) {
	addr := serveMemory(t)
	run := func(line string) { runAt(t, addr, split(line)...).succeeds(t) }
	run("register payments --id p1 --address 10.0.0.7 --port 8080 --tag v2")
	w := startWatch(t, addr, "payments", "orders")
	w.stdout.awaitText(t, `
CHANGE   SERVICE   ID  ADDRESS        STATUS   TAGS
present  payments  p1  10.0.0.7:8080  healthy  v2
`)
	w.stderr.awaitText(t, "orders has no instance that fits yet\n")
	var shown strings.Builder
	shown.WriteString(w.stdout.String())
	for _, step := range []struct{ command, line string }{
		{"register orders --id orders-1 --address 10.0.0.9 --port 80", "added    orders    orders-1  10.0.0.9:80    healthy  -\n"},
		{"health payments p1 unhealthy", "changed  payments  p1        10.0.0.7:8080  unhealthy  v2\n"},
		{"deregister payments p1", "removed  payments  p1        -              -          -\n"},
		{"register payments --id p1 --address 10.0.0.7 --port 8081", "added    payments  p1        10.0.0.7:8081  healthy    -\n"},
	} {
		run(step.command)
		shown.WriteString(step.line)
		w.stdout.awaitText(t, shown.String())
	}
	w.stop(t)
}

func TestAWatchOfEverythingAsJSONIsTheEventsOfTheAPI(t *testing.T) {
	addr := serveMemory(t)
	w := startWatch(t, addr, "--all", "--filter", `id != "<p>"`, "-o", "json")
	began := `{"event":"reset","data":{"index":0}}
{"event":"bookmark","id":0,"data":{"index":0,"age":"0s"}}
`
	w.stdout.awaitText(t, began)
	runAt(t, addr, "register", "payments", "--id", "p1", "--address", "10.0.0.7", "--port", "80").succeeds(t)
	w.stdout.awaitText(t, began+`{"event":"delta","id":1,"data":{"index":1,"service":"payments","upserted":[{"service":"payments","id":"p1","address":"10.0.0.7","port":80,"weight":100,"status":"healthy","maintenance":{"enabled":false},"create_index":1,"modify_index":1,"incarnation":1}],"removed":[]}}
`)
	w.stop(t)
}

func TestAWatchAsYAMLIsADocumentAnEvent(t *testing.T) {
	w := startWatch(t, serveMemory(t), "payments", "-o", "yaml")
	w.stdout.awaitText(t, `
---
event: snapshot
id: 0
data:
  index: 0
  service: payments
  instances: []
`)
	w.stop(t)
}

// The first node stops, and on the second one there is more.
func TestAWatchSurvivesItsNode(t *testing.T) {
	first, second := newMemory(), newMemory()
	one, other := serveNode(t, first), serveNode(t, second)
	run := func(addr, id string) {
		runAt(t, addr, "register", "payments", "--id", id, "--address", "10.0.0.7", "--port", "80").succeeds(t)
	}
	run(one.URL, "p1")
	run(other.URL, "p1")
	w := startWatch(t, one.URL+","+other.URL, "payments")
	shown := `CHANGE   SERVICE   ID  ADDRESS      STATUS   TAGS
present  payments  p1  10.0.0.7:80  healthy  -
`
	w.stdout.awaitText(t, shown)
	run(other.URL, "p2")
	one.CloseClientConnections()
	one.Close()
	shown += "added    payments  p2  10.0.0.7:80  healthy  -\n"
	w.stdout.awaitText(t, shown)
	if said := w.stderr.String(); !strings.Contains(said, one.URL) || !strings.Contains(said, "going on at "+other.URL) {
		t.Errorf("stderr says %q", said)
	}
	w.stop(t)
}

func TestAWatchThatCantBeginSaysWhy(t *testing.T) {
	addr := serveMemory(t)
	for line, words := range map[string][]string{
		"watch":                             {"SERVICE is missing", "--all"},
		"watch payments --all":              {"payments", "--all"},
		"watch ..":                          {"SERVICE", ".."},
		"watch payments --status sick":      {"--status"},
		"watch payments --filter nosuch==1": {"nosuch"},
		"watch payments --consistent":       {"--consistent"},
		"watch payments --addr ftp://x":     {"--addr"},
	} {
		runAt(t, addr, split(line)...).fails(t, exitUsage, words...)
	}
	runAt(t, "http://127.0.0.1:1", "watch", "payments").fails(t, exitUnreachable, "127.0.0.1:1")
}

// The time is for the beginning, not for the watch.
func TestAWatchThatNobodyBeginsInTimeIsGivenUp(t *testing.T) {
	const moment = 100 * time.Millisecond
	silent := httptest.NewServer(nethttp.HandlerFunc(func(_ nethttp.ResponseWriter, r *nethttp.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	runAt(t, silent.URL, "watch", "payments", "--timeout", moment.String()).fails(t, exitTimeout, moment.String())

	w := startWatch(t, serveMemory(t), "payments", "--timeout", "1s", "-o", "json")
	w.stdout.awaitText(t, `{"event":"snapshot","id":0,"data":{"index":0,"service":"payments","instances":[]}}`+"\n")
	select {
	case status := <-w.ended:
		t.Errorf("a watch that had begun ended with %d: %s", status, w.stderr.String())
	case <-time.After(time.Second + moment):
		w.stop(t)
	}
}

func TestAWatchAsCurl(t *testing.T) {
	runAt(t, "http://127.0.0.1:1", "watch", "a", "b", "--zone", "eu", "--curl").want(t, exitDone, `
curl -N -H 'Accept: application/x-ndjson' 'http://127.0.0.1:1/v1/watch?service=a&service=b&zone=eu'
`)
}

// After a reset everything is told anew, and what is as it was is no news.
func TestATableShowsOnlyWhatIsDifferentAfterAReset(t *testing.T) {
	var out strings.Builder
	table := newChangeTable(&out, &out, nil)
	event := func(kind wire.EventKind, id uint64, body any) {
		t.Helper()
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		e := wire.Event{Event: kind, Data: data}
		if id > 0 {
			e.ID = &id
		}
		if err := table.add(e); err != nil {
			t.Fatal(err)
		}
	}
	snapshot := func(service string, modified uint64, ids ...string) wire.Discovered {
		s := wire.Discovered{Service: service}
		for _, id := range ids {
			s.Instances = append(s.Instances, &registry.Instance{Service: service, ID: id, Address: "h", Port: 80, Status: registry.Healthy, ModifyIndex: modified})
		}
		return s
	}
	event(wire.EventReset, 0, wire.Bookmark{})
	event(wire.EventSnapshot, 0, snapshot("a", 1, "a1", "a2"))
	event(wire.EventSnapshot, 3, snapshot("b", 1, "b1"))
	out.Reset()
	event(wire.EventReset, 0, wire.Bookmark{})
	event(wire.EventSnapshot, 0, snapshot("a", 1, "a2", "a3"))
	event(wire.EventSnapshot, 5, snapshot("c", 5, "c1"))
	if want := `added    a        a3  h:80     healthy  -
removed  a        a1  -        -        -
added    c        c1  h:80     healthy  -
removed  b        b1  -        -        -
`; out.String() != want {
		t.Errorf("it shows\n%s\nwant\n%s", out.String(), want)
	}
	event(wire.EventBookmark, 7, wire.Bookmark{Index: 7})
	event(wire.EventDelta, 8, wire.Delta{Service: "a", Removed: []string{"a2", "never"}})
	if !strings.HasSuffix(out.String(), "b1  -        -        -\nremoved  a        a2  -        -        -\n") {
		t.Errorf("it shows\n%s", out.String())
	}
	if err := table.add(wire.Event{Event: wire.EventDelta, ID: new(uint64(9)), Data: []byte("7")}); err == nil {
		t.Error("it takes what is no delta")
	}
}
