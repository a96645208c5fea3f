package http

import (
	"fmt"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

func TestAWatchBeginsWithWhatIsThere(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		w := s.watch("service=payments&service=orders")
		defer w.leave()
		standard(t, reply{t: t, ResponseRecorder: recorded(w.answer)}, "watch")
		for header, want := range map[string]string{"Content-Type": "text/event-stream", wire.HeaderAge: "7", wire.HeaderIndex: "1"} {
			if got := w.answer.Header.Get(header); got != want {
				t.Errorf("%s is %q, want %q", header, got, want)
			}
		}
		w.want(`snapshot 0 {"index":1,"service":"orders","instances":[]}`, "snapshot 1")

		began := time.Now()
		s.register("orders", "o1")
		w.want("delta 2")
		s.deregister("payments", "p1")
		w.want(`delta 3 {"index":3,"service":"payments","upserted":[],"removed":["p1"]}`)
		tookNoTime(t, began, "telling of two changes while nothing else went on")
		if diff := cmp.Diff(map[string][]string{"orders": {"o1"}, "payments": {}}, w.model); diff != "" {
			t.Errorf("applying the events gives (-want +got):\n%s", diff)
		}
	})
}

func TestAWatchOfEverythingBeginsWithAReset(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		empty := s.watch("all=true")
		defer empty.leave()
		empty.want("reset 0", "bookmark 0")
		s.register("payments", "p1")
		empty.want("delta 1")
		s.register("orders", "o1")
		empty.want("delta 2")
		w := s.watch("all=true")
		defer w.leave()
		w.want("reset 0", "snapshot 0", "snapshot 2")
	})
}

func TestBothFormsSayTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1", "p2")
		events, lines := s.watch("all=true"), s.watch("all=true", "Accept: application/x-ndjson")
		defer events.leave()
		defer lines.leave()
		if got := lines.answer.Header.Get("Content-Type"); got != wire.TypeNDJSON {
			t.Errorf("the type is %q", got)
		}
		same := func(count int) {
			for range count {
				if one, other := events.next(), lines.next(); one != other {
					t.Errorf("%+v and %+v", one, other)
				}
			}
		}
		same(2)
		s.register("payments", "p3")
		same(1)
		s.deregister("payments", "p1")
		same(1)
	})
}

func TestTheFormThatIsLikedBest(t *testing.T) {
	for accept, want := range map[string]form{
		"": eventStream, "*/*": eventStream, "text/event-stream": eventStream, "text/*": eventStream,
		"application/x-ndjson": ndjson, "application/x-ndjson, */*;q=0.1": ndjson, "text/event-stream;q=0.2, application/x-ndjson": ndjson,
		"application/x-ndjson;q=0, */*": eventStream, "text/event-stream, application/x-ndjson": eventStream,
		"nonsense//, Application/X-NDJSON": ndjson,
		"application/json":                 "", "application/x-ndjson;q=0": "", "application/x-ndjson;q=much": "",
	} {
		got, err := accepted(&nethttp.Request{Header: nethttp.Header{"Accept": {accept}}})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q gets %q, %v; want %q", accept, got, err, want)
		}
	}
}

func TestAWatchThatCantBeIsRefusedBeforeItBegins(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	many := strings.Repeat("service=a&", maxWatched+1)
	for query, word := range map[string]string{
		"": "service", "all=false": "service", "all=yes": "all", "all=true&service=a": "all", "service=": "service",
		"service=..": "service", "service=a/../b": "service", many: "1000",
		"service=a&index=-1": "index", "service=a&index=": "index", "service=a&status=sick": "status", "service=a&filter=x": "filter",
		"service=a&max_stale=1s": "max_stale", "service=a&wait=1s": "min_index", "service=a&consistency=linearizable": "consistency",
		"service=a&ack=": "ack", "service=a&ack=node:x": "ack", "service=a&meta.=1": "meta.",
	} {
		h.call("GET", "/v1/watch?"+query, "").about(wire.CodeInvalidRequest, word)
		h.call("GET", "/v1/watch?"+query, "", "Accept: application/x-ndjson").problem(wire.CodeInvalidRequest)
	}
	h.call("GET", "/v1/watch?all=true", "", "Last-Event-ID: last").about(wire.CodeInvalidRequest, "Last-Event-ID")
	h.call("GET", "/v1/watch?all=true", "", "Accept: text/html").about(wire.CodeInvalidRequest, "Accept", "application/x-ndjson")
	h.call("GET", "/v1/watch?all=true&min_index=1&cluster=01OTHER", "").problem(wire.CodeConflict)
	h.call("GET", "/v1/watch?all=true&cluster=01OTHER&index=1", "").problem(wire.CodeConflict)
	h.call("GET", "/v1/watch?all=true&min_index=9&wait=0s", "").problem(wire.CodeIndexNotReached)

	h.node.behind = true
	h.call("GET", "/v1/watch?all=true", "").problem(wire.CodeNotReady)
	h.node.behind, h.node.unsound = false, fmt.Errorf("%w: it is being replaced", fault.ErrNotReady)
	h.call("GET", "/v1/watch?all=true", "").about(wire.CodeNotReady, "replaced")
}

func TestAHeadOfAWatchEndsAtOnce(t *testing.T) {
	h := newHarness(t)
	r := h.call("HEAD", "/v1/watch?all=true", "", "Accept: application/x-ndjson").want(200)
	if got := r.Header().Get("Content-Type"); got != wire.TypeNDJSON || r.Body.Len() > 0 {
		t.Errorf("type %q, body %q", got, r.Body)
	}
}

func TestAWatchWaitsForItsMinimum(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		time.AfterFunc(3*time.Second, func() { s.register("payments", "p1") })
		began := time.Now()
		w := s.watch("service=payments&min_index=1")
		defer w.leave()
		w.want("snapshot 1")
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it began after %s", took)
		}
	})
}

func TestAWatchTellsOnlyOfWhatItAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		w := s.watch("service=payments&filter=id+!=+%22p1%22&status=healthy")
		defer w.leave()
		w.want("snapshot 0")
		s.register("payments", "p1")
		s.register("orders", "o1")
		s.register("payments", "p2")
		w.want("delta 3")
		if diff := cmp.Diff([]string{"p2"}, w.model["payments"]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnAcknowledgingWatchIsGreetedAndNudged(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		w := s.watch("service=payments&ack=gateway")
		hello := w.next()
		id, ok := strings.CutPrefix(hello.data, `{"watch":"`)
		if hello.kind != wire.EventHello || hello.id != 0 || !ok || len(id) < 20 {
			t.Fatalf("greeted with %+v", hello)
		}
		id = strings.TrimSuffix(id, `"}`)
		w.want("snapshot 1")
		if err := s.node.watchers.Confirm(id, 2); err == nil {
			t.Error("it could confirm what it was not sent")
		}
		if err := s.node.watchers.Confirm(id, 1); err != nil {
			t.Error(err)
		}

		// Nothing that it watches changes, and still somebody waits for it to confirm.
		began := time.Now()
		s.register("orders", "o1")
		go s.node.watchers.Standing(t.Context(), "payments", 2, nil)
		w.want(`bookmark 2 {"index":2,"age":"7ms"}`)
		tookNoTime(t, began, "the bookmark")
		if err := s.node.watchers.Confirm(id, 2); err != nil {
			t.Error(err)
		}
		w.leave()
		if err := s.node.watchers.Confirm(id, 2); err == nil {
			t.Error("it confirms after its end")
		}
	})
}
