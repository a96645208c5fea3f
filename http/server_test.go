package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

func TestALongWaitOutlivesTheWriteTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		time.AfterFunc(9*time.Minute, func() { s.node.advance(7) })
		s.get("/v1/services?min_index=7&wait=10m").want(200)
		s.get("/v1/services?min_index=8&wait=10m").problem(wire.CodeIndexNotReached)
	})
}

func TestAShutdownAnswersWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		s.node.submit = func(context.Context) error {
			time.Sleep(4 * time.Second)
			return nil
		}
		var inFlight sync.WaitGroup
		inFlight.Go(func() { s.get("/v1/services?min_index=9&wait=10m").about(wire.CodeNotReady, "stopping") })
		inFlight.Go(func() {
			r, err := nethttp.NewRequest("PUT", "http://node.example"+payments1, strings.NewReader(document))
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := s.client.Do(r)
			if err != nil {
				t.Errorf("the write was cut off: %v", err)
				return
			}
			received(t, answer).want(201)
		})
		synctest.Wait()

		began := time.Now()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if took := time.Since(began); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("it took %s, and the write 4s", took)
		}
		inFlight.Wait()
		if err := <-s.ended; err != nil {
			t.Errorf("Serve returned %v", err)
		}
		if _, err := s.client.Get("http://node.example/healthz"); err == nil {
			t.Error("it still answers")
		}
	})
}

func TestANodeThatStopsIsNotReady(t *testing.T) {
	h := newHarness(t)
	server, err := New(Config{Node: h.node})
	if err != nil {
		t.Fatal(err)
	}
	h.api = server.Handler()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.call("GET", "/readyz", "").about(wire.CodeNotReady, "stopping")
	h.call("GET", "/v1/services?min_index=9&wait=10m", "").about(wire.CodeNotReady, "stopping")
	h.call("GET", "/v1/services?index=0&wait=10m", "").about(wire.CodeNotReady, "stopping")
	h.call("GET", "/v1/watch?all=true", "").about(wire.CodeNotReady, "stopping")
	h.call("GET", "/healthz", "").want(200)
	h.call("GET", "/v1/services", "").want(200)
}

func TestAShutdownThatTakesTooLongCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		cut := make(chan error, 1)
		s.node.submit = func(ctx context.Context) error {
			<-ctx.Done()
			cut <- ctx.Err()
			return ctx.Err()
		}
		conn := s.raw(fmt.Sprintf("DELETE %s HTTP/1.1\r\nHost: n\r\n\r\n", payments1))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shutdown says %v", err)
		}
		if err := <-cut; !errors.Is(err, context.Canceled) {
			t.Errorf("the write ended with %v", err)
		}
		if _, err := io.ReadAll(conn); err != nil {
			t.Errorf("the connection ended with %v", err)
		}
	})
}

func TestASlowCallerIsCutOff(t *testing.T) {
	for name, c := range map[string]struct {
		sent  string
		after time.Duration
	}{
		"in the headers":  {"GET /healthz HTTP/1.1\r\nHost: n\r\n", headerTimeout},
		"between two":     {"GET /healthz HTTP/1.1\r\nHost: n\r\n\r\n", idleTimeout},
		"before anything": {"", headerTimeout},
		"in the body":     {"PUT " + payments1 + " HTTP/1.1\r\nHost: n\r\nContent-Length: 50\r\n\r\n{", requestTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, stop := serve(t)
			defer stop()
			before := s.node.State()
			conn, began := s.raw(c.sent), time.Now()
			answer, err := io.ReadAll(conn)
			// It lingers a little after a body that was not read to its end.
			if took := time.Since(began); took < c.after || took > c.after+time.Second {
				t.Errorf("%s: cut off after %s, want %s", name, took, c.after)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if name == "in the body" {
				received(t, parse(t, answer)).problem(wire.CodeTimeout)
			}
			if s.node.State() != before {
				t.Errorf("%s: something was written", name)
			}
		})
	}
}

func TestACallerWhoDoesNotReadIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		conn := s.raw("GET /v1/cluster/self HTTP/1.1\r\nHost: n\r\n\r\n")
		time.Sleep(requestTimeout + answerTimeout + time.Second)
		if answer, err := io.ReadAll(conn); err != nil || len(answer) > 0 {
			t.Errorf("after all this time it was still offered %d bytes (%v)", len(answer), err)
		}
	})
}

func TestHeadersBeyondTheLimitAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		conn, err := s.pipes.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: n\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
		}()
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		if got := parse(t, answer).StatusCode; got != nethttp.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d", got)
		}
	})
}

func TestTheServerHasNoAnswersOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		conn := s.raw("OPTIONS * HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n")
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		r := received(t, parse(t, answer))
		r.problem(wire.CodeNotFound)
		standard(t, r, "OPTIONS *")
	})
}

func TestServingOnAListenerThatFailsSaysSo(t *testing.T) {
	server, err := New(Config{Node: newSoloNode()})
	if err != nil {
		t.Fatal(err)
	}
	l := newPipes()
	_ = l.Close()
	if err := server.Serve(l); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "pipe") {
		t.Errorf("Serve returned %v", err)
	}
}

// A connection that is closed while a request is on its way leaves the caller not knowing. So a server that stops says so
// on every connection first.
func TestAServerThatStopsAnswersOnceMoreOnEachConnection(t *testing.T) {
	api := testAPI(t)
	answers := func() nethttp.Header {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		return w.Result().Header
	}
	if answers().Get("Connection") == "close" {
		t.Error("it says farewell before it stops")
	}
	api.closing.begin()
	if answers().Get("Connection") != "close" {
		t.Error("it does not say farewell")
	}
}
