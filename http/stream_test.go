package http

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

func TestAWatchIsNeverSilentForLong(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		w := s.watch("service=payments")
		defer w.leave()
		w.want("snapshot 1")
		for hour := time.Now().Add(time.Hour); time.Now().Before(hour); {
			began := time.Now()
			w.want(`bookmark 1 {"index":1,"age":"7ms"}`)
			if took := time.Since(began); took > bookmarkInterval || took < bookmarkInterval*2/3 {
				t.Fatalf("a bookmark came after %s", took)
			}
		}
		s.node.advance(9)
		w.want(`bookmark 9 {"index":9,"age":"7ms"}`)
	})
}

func TestBookmarksComeThroughAStormToo(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		w := s.watch("service=payments")
		defer w.leave()
		w.want("snapshot 0")
		last := time.Now()
		for n := range 10_000 {
			s.register("payments", fmt.Sprintf("p%d", n%50))
			s.deregister("payments", fmt.Sprintf("p%d", n%50))
			if e := w.next(); e.kind == wire.EventBookmark {
				last = time.Now()
			}
			if silent := time.Since(last); silent > bookmarkInterval {
				t.Fatalf("no bookmark for %s", silent)
			}
		}
	})
}

func TestAStormIsTakenInSpacedSets(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		w := s.watch("service=payments")
		defer w.leave()
		w.want("snapshot 0")
		go func() {
			for n := range 5_000 { // in five seconds
				s.register("payments", fmt.Sprintf("p%04d", n))
				time.Sleep(time.Millisecond)
			}
		}()
		began, sets := time.Now(), 0
		for w.id < 5_000 {
			w.next()
			sets++
		}
		if took := time.Since(began); took > 5*time.Second+paceInterval {
			t.Errorf("the last was told of after %s", took)
		}
		if most := 5*50 + paceBurst + 2; sets > most || sets < 5*50 {
			t.Errorf("%d sets, and %d at most", sets, most)
		}
		if len(w.model["payments"]) != 5_000 {
			t.Errorf("it knows of %d instances", len(w.model["payments"]))
		}
	})
}

func TestAReaderWhoIsSlowIsBroughtForwardAndHoldsUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p0")
		slow, quick := s.watch("service=payments"), s.watch("service=payments")
		defer slow.leave()
		defer quick.leave()
		slow.want("snapshot 1")
		quick.want("snapshot 1")
		for n := range 3_000 {
			id := fmt.Sprintf("p%d", 1+n%100)
			s.register("payments", id)
			if n%3 == 0 {
				s.deregister("payments", id)
			}
			began := time.Now()
			for quick.id < s.node.State().Service("payments").Index() {
				quick.next()
			}
			if took := time.Since(began); took > paceInterval {
				t.Fatalf("the quick one waited %s", took)
			}
			time.Sleep(time.Second)
		}
		events := 0
		for slow.id < quick.id {
			slow.next()
			events++
		}
		if diff := cmp.Diff(quick.model, slow.model); diff != "" {
			t.Errorf("they end with different instances (-quick +slow):\n%s", diff)
		}
		if events > 10 {
			t.Errorf("the slow one was told in %d events", events)
		}
	})
}

func TestAStreamEndsWellWhenTheServerStops(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.node.mute = fault.ErrNoLeader // so that a position ahead is waited for
		w := s.watch("service=payments")
		w.want("snapshot 0")
		stuck := s.raw("GET /v1/watch?service=payments HTTP/1.1\r\nHost: n\r\n\r\n")
		defer func() { _ = stuck.Close() }()
		ahead := s.watch("service=payments&index=999", "Accept: application/x-ndjson")
		synctest.Wait()

		var reading sync.WaitGroup
		for _, w := range []*watcher{w, ahead} {
			reading.Go(func() {
				if rest, err := io.ReadAll(w.text); err != nil || len(rest) > 0 {
					t.Errorf("the end is %q, %v", rest, err)
				}
			})
		}
		began := time.Now()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if took := time.Since(began); took > 4*farewell {
			t.Errorf("it took %s", took)
		}
		reading.Wait()
	})
}

// Nothing is told of a wrong state, not even that it is as it was. When another has taken its place, all is told anew.
func TestAStreamIsSilentWhileTheStateIsWrong(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		w := s.watch("service=payments")
		defer w.leave()
		w.want("snapshot 0")
		s.node.writing.Lock()
		s.node.unsound = fmt.Errorf("%w: it is being replaced", fault.ErrNotReady)
		s.node.writing.Unlock()
		s.register("payments", "wrong")
		time.Sleep(2 * bookmarkInterval)
		s.node.writing.Lock()
		s.node.unsound = nil
		s.node.writing.Unlock()
		s.replaced(1, registry.Instance{Service: "payments", ID: "right", Status: registry.Healthy, ModifyIndex: 1})
		w.want("snapshot 1")
		if diff := cmp.Diff([]string{"right"}, w.model["payments"]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAStateThatIsReplacedAtTheReadersOwnIndexIsToldAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "wrong")
		w := s.watch("service=payments")
		defer w.leave()
		w.want("snapshot 1")
		s.replaced(1, registry.Instance{Service: "payments", ID: "right", Status: registry.Healthy, ModifyIndex: 1})
		w.want("snapshot 1")
		if diff := cmp.Diff([]string{"right"}, w.model["payments"]); diff != "" {
			t.Error(diff)
		}
	})
}

// The right state comes with what was written meanwhile, and the service that was wrong has not changed in it.
func TestAStateThatIsReplacedBeyondTheReadersIndexIsToldAnew(t *testing.T) {
	for _, query := range []string{"service=payments", "service=payments&service=ledger", "all=true"} {
		inBubble(t, func(t *testing.T, s *served) {
			s.register("payments", "wrong")
			w := s.watch(query)
			defer w.leave()
			for e := w.next(); e.id == 0; e = w.next() {
				continue
			}
			s.replaced(9, registry.Instance{Service: "payments", ID: "right", Status: registry.Healthy, ModifyIndex: 1})
			for e := w.next(); e.id < 9; e = w.next() {
				continue
			}
			if diff := cmp.Diff([]string{"right"}, w.model["payments"]); diff != "" {
				t.Errorf("%s: %s", query, diff)
			}
		})
	}
}

func TestAStreamLeavesNothingBehind(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		streams := func() string {
			for line := range strings.Lines(s.get("/metrics").Body.String()) {
				if n, ok := strings.CutPrefix(line, "muster_watch_streams "); ok {
					return strings.TrimSpace(n)
				}
			}
			return ""
		}
		w := s.watch("service=payments")
		other := s.watch("all=true")
		w.want("snapshot 0")
		other.want("reset 0", "bookmark 0")
		if got := streams(); got != "2" {
			t.Errorf("%s streams are open, want 2", got)
		}
		w.leave()
		other.leave()
		if got := streams(); got != "0" {
			t.Errorf("%s streams are open, want none", got)
		}
		s.get("/v1/services/payments?index=0&wait=1s").problem(wire.CodeServiceNotFound)
		if woken := s.node.subscribed("payments"); woken > 0 {
			t.Errorf("%d subscriptions are still there", woken)
		}
		metrics := s.get("/metrics").Body.String()
		for _, want := range []string{
			`muster_watch_events_total{event="snapshot"} 1`, `muster_watch_events_total{event="bookmark"} 1`,
			`muster_watch_events_total{event="reset"} 1`,
		} {
			if !strings.Contains(metrics, want) {
				t.Errorf("%s is missing", want)
			}
		}
	})
}
