package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/roster"
	"github.com/musterhq/muster/internal/wire"
)

func (n *soloNode) Roster() *roster.Roster { return n.watchers }

// Drain asks the node's own watches once: it is a cluster of its own.
func (n *soloNode) Drain(ctx context.Context, service string, index uint64, atMost time.Duration) wire.Drained {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	s := n.watchers.Standing(ctx, service, index, nil)
	return wire.Drained{Confirmed: s.Confirmed, Unconfirmed: append([]string{}, s.Pending...)}
}

// watched is a harness whose payments are watched under a name, and the watch.
func watched(t *testing.T, name string) (*harness, *roster.Watch) {
	t.Helper()
	h := newHarness(t)
	h.register("payments", "payments-1")
	w, err := h.node.watchers.Join(name, "payments")
	if err != nil {
		t.Fatal(err)
	}
	return h, w
}

func (h *harness) acknowledge(w *roster.Watch, index uint64) reply {
	h.t.Helper()
	return h.call("POST", wire.PathAcknowledgement(w.ID()), fmt.Sprintf(`{"index": %d}`, index))
}

func TestADrainAnswersOnceThoseWhoWatchHaveConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := watched(t, "gateway")
		var deleting sync.WaitGroup
		began := time.Now()
		deleting.Go(func() {
			got := decoded[wire.Deregistered](h.call("DELETE", payments1+"?drain=5s", "").want(200))
			want := wire.Deregistered{Index: 2, Drained: &wire.Drained{Confirmed: 1, Unconfirmed: []string{}}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
		<-w.Nudge()
		time.Sleep(time.Second)
		w.Sent(2)
		if r := h.acknowledge(w, 2).want(204); r.Body.Len() > 0 {
			t.Errorf("answered %s", r.Body)
		}
		deleting.Wait()
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestADrainEndsInTimeAndNamesWhoHasNotConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := watched(t, "gateway")
		w.Sent(2)
		h.acknowledge(w, 1).want(204) // what came before is not enough
		began := time.Now()
		body := h.call("DELETE", payments1+"?drain=5s", "").want(200).Body.String()
		if want := `{"index":2,"confirmed":0,"unconfirmed":["gateway"]}`; strings.TrimSpace(body) != want {
			t.Errorf("answered %s, want %s", body, want)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestWithoutADrainNobodyIsWaitedFor(t *testing.T) {
	h, _ := watched(t, "gateway")
	body := h.call("DELETE", payments1, "").want(200).Body.String()
	if want := `{"index":2}`; strings.TrimSpace(body) != want {
		t.Errorf("answered %s, want %s", body, want)
	}
}

func TestWithNobodyWhoWatchesADrainAnswersAtOnce(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	body := h.call("DELETE", payments1+"?drain=1m", "").want(200).Body.String()
	if want := `{"index":2,"confirmed":0,"unconfirmed":[]}`; strings.TrimSpace(body) != want {
		t.Errorf("answered %s, want %s", body, want)
	}
}

func TestADeregistrationThatFailsDoesNotWait(t *testing.T) {
	h, _ := watched(t, "gateway")
	h.call("DELETE", "/v1/services/payments/instances/nobody?drain=1m", "").problem(wire.CodeInstanceNotFound)
	h.call("DELETE", payments1+"?drain=1m", "", `If-Match: "7"`).problem(wire.CodePreconditionFailed)
	h.node.refuse = fmt.Errorf("%w: this is a test", fault.ErrNoLeader)
	h.call("DELETE", payments1+"?drain=1m", "").problem(wire.CodeNoLeader)
}

func TestADrainOfNoTimeOrTooMuchIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	h, _ := watched(t, "gateway")
	defer h.unchanged()()
	for _, drain := range []string{"0s", "61s", "-1s", "soon", "", "5"} {
		h.call("DELETE", payments1+"?drain="+drain, "").about(wire.CodeInvalidRequest, "drain")
	}
}

func TestADrainEndsWithTheServerAndTellsWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := watched(t, "gateway")
		server, err := New(Config{Node: h.node})
		if err != nil {
			t.Fatal(err)
		}
		h.api = server.Handler()
		var deleting sync.WaitGroup
		began := time.Now()
		deleting.Go(func() {
			got := decoded[wire.Deregistered](h.call("DELETE", payments1+"?drain=1m", "").want(200))
			if got.Drained == nil || !cmp.Equal(got.Unconfirmed, []string{"gateway"}) {
				t.Errorf("answered %+v", got)
			}
		})
		<-w.Nudge()
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		deleting.Wait()
		if took := time.Since(began); took > farewell {
			t.Errorf("it ended after %s", took)
		}
	})
}

func TestACallerWhoGoesAwayEndsTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := watched(t, "gateway")
		ctx, leave := context.WithCancelCause(t.Context())
		var deleting sync.WaitGroup
		began := time.Now()
		deleting.Go(func() { h.callWith(ctx, "DELETE", payments1+"?drain=1m") })
		<-w.Nudge()
		leave(errors.New("the caller went away"))
		deleting.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("it went on for %s", took)
		}
	})
}

func TestOnlyWhatWasSentCanBeAcknowledged(t *testing.T) {
	h, w := watched(t, "gateway")
	w.Sent(7)
	h.acknowledge(w, 8).about(wire.CodeConflict, "8", "7")
	h.acknowledge(w, 7).want(204)
	h.acknowledge(w, 3).want(204) // came late
	path := wire.PathAcknowledgement(w.ID())
	h.call("POST", path, `{}`).about(wire.CodeInvalidRequest, "index")
	h.call("POST", path, `{"index": -1}`).about(wire.CodeInvalidRequest, "index")
	h.call("POST", path+"?index=7", `{"index": 7}`).about(wire.CodeInvalidRequest, "index")
	w.Leave()
	h.acknowledge(w, 7).about(wire.CodeNotFound, "resume")
	h.call("POST", "/v1/watch/a%2Fb/ack", `{"index": 7}`).problem(wire.CodeNotFound)
}

func TestADrainMayTakeLongerThanOtherAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "payments-1")
		if _, err := s.node.watchers.Join("gateway", "payments"); err != nil {
			t.Fatal(err)
		}
		r, err := nethttp.NewRequest("DELETE", "http://node.example"+payments1+"?drain=1m", nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		answer, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if want := `{"index":2,"confirmed":0,"unconfirmed":["gateway"]}`; err != nil || strings.TrimSpace(string(body)) != want {
			t.Errorf("answered %s (%v), want %s", body, err, want)
		}
		if took := time.Since(began); took != wire.MaxDrain {
			t.Errorf("it took %s", took)
		}
	})
}

func TestADrainWaitsForNobodyWhoHasEndedHisWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := watched(t, "gateway")
		began := time.Now()
		time.AfterFunc(time.Second, func() {
			standard(t, h.call("DELETE", wire.PathWatchOf(w.ID()), "").want(204), "end_watch")
		})
		body := h.call("DELETE", payments1+"?drain=5s", "").want(200).Body.String()
		if want := `{"index":2,"confirmed":0,"unconfirmed":[]}`; strings.TrimSpace(body) != want {
			t.Errorf("answered %s, want %s", body, want)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %s", took)
		}
		h.call("DELETE", wire.PathWatchOf(w.ID()), "").problem(wire.CodeNotFound)
		h.call("DELETE", wire.PathWatchOf(w.ID())+"?drain=1s", "").about(wire.CodeInvalidRequest, "drain")
	})
}
