package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestInstancesThatMisbehave has one instance that does, and another that answers.
func TestInstancesThatMisbehave(t *testing.T) {
	block := make(chan struct{})
	defer close(block)
	for name, bad := range map[string]func(net.Conn){
		"accepts and never answers": func(c net.Conn) { <-block },
		"closes at once":            func(net.Conn) {},
		"closes after the request":  func(c net.Conn) { readRequest(c) },
		"resets":                    func(c net.Conn) { readRequest(c); _ = c.(*net.TCPConn).SetLinger(0) },
		"answers nonsense":          func(c net.Conn) { readRequest(c); fmt.Fprint(c, "what?\r\n\r\n") },
		"stops within the headers":  func(c net.Conn) { readRequest(c); fmt.Fprint(c, "HTTP/1.1 200 OK\r\nConte") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			var asked atomic.Int64
			w.raw(func(c net.Conn) { asked.Add(1); bad(c) })
			var good hits
			w.serve(good.answer(200))
			tr := w.transport(WithTryTimeout(400*time.Millisecond), WithStrategy("round-robin"))
			c := &http.Client{Transport: tr}
			for range 4 {
				r, err := c.Get("http://payments/")
				want(t, r, err, 200, "200 ")
			}
			for range 4 { // a POST fails at the bad one, and is sent nowhere else
				r, err := post(t, c, strings.NewReader("ten"))
				if err == nil {
					want(t, r, err, 200, "200 ten")
					continue
				}
				var tried *TryError
				if !errors.As(err, &tried) || tried.Tries != 1 || tried.Instance != "p1" {
					t.Errorf("%v", err)
				}
			}
			if asked.Load() == 0 {
				t.Error("the bad one was never asked")
			}
			eventually(t, "nothing is in flight", func() bool { return inFlight(tr) == 0 })
		})
	}
}

func TestABodyThatBreaksOffIsTheCallersErrorAndTheInstancesFailure(t *testing.T) {
	w := newTown(t)
	w.raw(func(c net.Conn) { readRequest(c); fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour") })
	tr := w.transport(WithStrategy("adaptive"))
	r, err := (&http.Client{Transport: tr}).Get("http://payments/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, err := io.ReadAll(r.Body); string(b) != "four" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", b, err)
	}
	if n := inFlight(tr); n != 0 {
		t.Errorf("%d in flight", n)
	}
	for _, e := range tr.service("payments").balancer.Endpoints() {
		if e.Success == 1 {
			t.Errorf("nothing is held against the instance: %+v", e)
		}
	}
}

// TestAConnectionClosedWhileIdleIsNoReasonToFailAPost is the race between a server that closes an idle connection and the next request.
func TestAConnectionClosedWhileIdleIsNoReasonToFailAPost(t *testing.T) {
	w := newTown(t)
	s := w.serve(new(hits).answer(200))
	var closed atomic.Int64
	c := w.client(WithBase(&http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &noticed{conn, &closed}, err
	}}))
	for range 200 {
		r, err := post(t, c, strings.NewReader("ten"))
		want(t, r, err, 200, "200 ten")
		before := closed.Load()
		s.CloseClientConnections()
		for closed.Load() == before { // else the request could be written, and nobody knows what became of it
			runtime.Gosched()
		}
	}
}

// noticed is a connection that counts its closing.
type noticed struct {
	net.Conn
	closed *atomic.Int64
}

func (c *noticed) Close() error {
	c.closed.Add(1)
	return c.Conn.Close()
}

// TestAPostIsNeverDeliveredTwiceUnlessTheCallerSaysSo goes through random sequences of misbehaviour.
func TestAPostIsNeverDeliveredTwiceUnlessTheCallerSaysSo(t *testing.T) {
	w := newTown(t)
	var current atomic.Pointer[fateful]
	for range 3 {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			call := current.Load()
			if r.Header.Get("Call") != call.name {
				return // its caller has given it up, and the next call has begun
			}
			switch fate := call.fates[int(call.delivered.Add(1)-1)%len(call.fates)]; fate {
			case 0: // the answer is lost
				panic(http.ErrAbortHandler)
			case 1:
				c, _, _ := http.NewResponseController(rw).Hijack()
				_ = c.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
			case 2: // no answer in time
				<-r.Context().Done()
			default:
				rw.WriteHeader(fate)
			}
		}))
		s.Config.ErrorLog = nil
		t.Cleanup(s.Close)
		w.register(s.Listener.Addr().String())
	}
	w.refuse()
	c := w.client(WithTryTimeout(30*time.Millisecond), WithRetries(6), WithHedging(Hedging{After: time.Millisecond, Max: 3}))
	calls := 0
	rapid.Check(t, func(rt *rapid.T) {
		calls++
		call := &fateful{
			name:  strconv.Itoa(calls),
			fates: rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 2, 200, 204, 429, 500, 502, 503, 504}), 1, 6).Draw(rt, "fates"),
		}
		current.Store(call)
		var body io.Reader = strings.NewReader("ten")
		if rapid.Bool().Draw(rt, "stream") {
			body = &closing{Reader: body}
		}
		r, err := post(t, c, body, "Call", call.name)
		if err == nil {
			r.Body.Close()
		}
		if n := call.delivered.Load(); n > 1 {
			rt.Errorf("it was delivered %d times", n)
		}
	})
}

// fateful is a call, and what happens to each delivery of it.
type fateful struct {
	name      string
	fates     []int
	delivered atomic.Int64
}
