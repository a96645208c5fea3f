package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

func TestACallByNameReachesAllInstancesAndKeepsTheNameInItsURL(t *testing.T) {
	w := newTown(t)
	var one, two hits
	hosts := make(chan string, 10)
	note := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { hosts <- r.Host; h(w, r) }
	}
	w.serve(note(one.answer(200)))
	w.serve(note(two.answer(200)))
	c := w.client()
	for range 6 {
		r, err := c.Get("http://payments/charge?of=1")
		want(t, r, err, 200, "200 ")
		if got := r.Request.URL.String(); got != "http://payments/charge?of=1" {
			t.Errorf("the response is said to be of %s", got)
		}
		if host := <-hosts; host != "payments" {
			t.Errorf("the server was called %q", host)
		}
	}
	if one.Load() != 3 || two.Load() != 3 {
		t.Errorf("%d and %d calls", one.Load(), two.Load())
	}
}

func TestPlacesAreNoServices(t *testing.T) {
	for u, name := range map[string]string{
		"http://payments/":           "payments",
		"https://payments.eu/x":      "payments.eu",
		"http://payments:80/":        "",
		"http://127.0.0.1/":          "",
		"http://[::1]/":              "",
		"http://localhost/":          "",
		"http://app.localhost/":      "",
		"ftp://payments/":            "",
		"http://10.1.2.3.example/ok": "10.1.2.3.example",
	} {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := serviceOf(parsed); got != name || ok != (name != "") {
			t.Errorf("%s names the service %q, %v", u, got, ok)
		}
	}
}

func TestACallToAPlaceGoesStraightOut(t *testing.T) {
	w := newTown(t)
	s := httptest.NewServer(new(hits).answer(200))
	defer s.Close()
	r, err := w.client().Get(s.URL)
	want(t, r, err, 200, "200 ")
}

// TestARedirectIsACallLikeAnyOther: to another service, to a place, and to a name that is no service.
func TestARedirectIsACallLikeAnyOther(t *testing.T) {
	place := httptest.NewServer(new(hits).answer(200))
	t.Cleanup(place.Close)
	for to, served := range map[string]bool{"http://payments/there": true, place.URL: true, "https://elsewhere.example/": false} {
		w := newTown(t)
		w.serve(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/here" {
				http.Redirect(rw, r, to, http.StatusMovedPermanently)
				return
			}
			fmt.Fprint(rw, "200 ")
		})
		r, err := w.client().Get("http://payments/here")
		if served {
			want(t, r, err, 200, "200 ")
		} else if !errors.Is(err, registry.ErrServiceNotFound) {
			t.Errorf("to %s: %v", to, err)
		}
	}
}

func TestWithServicesMapsHostsToNames(t *testing.T) {
	w := newTown(t)
	w.serve(new(hits).answer(200))
	c := w.client(WithServices(func(u *url.URL) (string, bool) { return "payments", u.Host == "payments.mesh:1" }))
	r, err := c.Get("http://payments.mesh:1/")
	want(t, r, err, 200, "200 ")
}

func TestWhoIsNotThereIsAnErrorOfTheRegistry(t *testing.T) {
	w := newTown(t)
	c := w.client()
	body := &closing{Reader: http.NoBody}
	_, err := post(t, c, body)
	if !errors.Is(err, registry.ErrServiceNotFound) {
		t.Errorf("%v", err)
	}
	if !body.closed.Load() {
		t.Error("the body was not closed")
	}
}

func TestSettingsThatCannotBeAreErrorsOrPanic(t *testing.T) {
	for name, opts := range map[string][]Option{
		"strategy":        {WithStrategy("best")},
		"no delay":        {WithHedging(Hedging{})},
		"percentile":      {WithHedging(Hedging{Percentile: 1})},
		"fewer than none": {WithHedging(Hedging{After: 1, Max: -1})},
	} {
		if _, err := New(lb.Local(registry.New()), opts...); !errors.Is(err, ErrInvalid) && !errors.Is(err, lb.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("NewTransport takes a strategy that does not exist")
		}
	}()
	NewTransport(lb.Local(registry.New()), WithStrategy("best"))
}

func TestAfterCloseCallsFail(t *testing.T) {
	w := newTown(t)
	w.serve(new(hits).answer(200))
	tr := w.transport()
	c := &http.Client{Transport: tr}
	r, err := c.Get("http://payments/")
	want(t, r, err, 200, "200 ")
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get("http://payments/"); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

// TestAnInstanceThatGoesTakesItsConnectionsAlong, and leaves those in peace that are in use.
func TestAnInstanceThatGoesTakesItsConnectionsAlong(t *testing.T) {
	w := newTown(t)
	more := make(chan struct{})
	w.serve(func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, "begun ")
		rw.(http.Flusher).Flush()
		<-more
		fmt.Fprint(rw, "ended")
	})
	tr := w.transport()
	r, err := (&http.Client{Transport: tr}).Get("http://payments/")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.reg.Deregister("payments", "p1"); err != nil {
		t.Fatal(err)
	}
	awaitNoPools(t, tr)
	close(more)
	want(t, r, nil, 200, "begun ended")
}

func TestTheLastUserOfAPoolThatIsGoneClosesIt(t *testing.T) {
	s := httptest.NewUnstartedServer(new(hits).answer(200))
	states := make(chan http.ConnState, 10)
	s.Config.ConnState = countStatesIn(states)
	s.Start()
	defer s.Close()
	p := newPools(newBase())
	host, port := splitHost(s.Listener.Addr().String())
	c := p.use(endpoint{"payments", host, port})
	quiet := p.keep("payments", nil)
	if len(quiet) != 1 {
		t.Fatal("the try is not answered, and not waited for")
	}
	r, err := (&http.Client{Transport: c.transport}).Get("http://payments/")
	want(t, r, err, 200, "200 ") // after the retirement: the connection is idle again
	c.answered()
	<-quiet[0]
	c.release()
	for state := range states {
		if state == http.StateClosed {
			return
		}
	}
}

func TestWhoHasGoneSinceHeWasChosenIsNotCalled(t *testing.T) {
	p := newPools(newBase())
	one := registry.Instance{Service: "payments", Address: "10.0.0.1", Port: 1, Status: registry.Healthy}
	two := one
	two.Address = "10.0.0.2"
	p.follow("payments", []registry.Instance{one})
	if p.use(endpointOf(&two)) != nil {
		t.Error("there is a pool for an instance that is not there")
	}
	if p.use(endpointOf(&one)) == nil {
		t.Error("there is none for one that is")
	}
	p.forget("payments")
	if p.use(endpointOf(&two)) == nil {
		t.Error("who is there is not known any more, and an instance is refused")
	}
}

func TestHTTPSAndHTTP2GoByTheServiceName(t *testing.T) {
	w := newTown(t)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, "%s %s", r.Proto, r.TLS.ServerName)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	w.register(s.Listener.Addr().String())
	base := s.Client().Transport.(*http.Transport).Clone()
	base.TLSNextProto, base.ForceAttemptHTTP2, base.DialContext = nil, false, nil
	c := w.client(WithBase(base))
	r, err := c.Get("https://example.com/")
	if err == nil {
		r.Body.Close()
		t.Fatal("a service that is not there answered")
	}
	c = w.client(WithBase(base), WithServices(func(*url.URL) (string, bool) { return "payments", true }))
	r, err = c.Get("https://example.com/") // what the test server's certificate is for
	want(t, r, err, 200, "HTTP/2.0 example.com")
}

func TestInFlightUntilTheBodyEnds(t *testing.T) {
	ends := map[string]func(*http.Response){
		"read":   func(r *http.Response) { _, _ = io.Copy(io.Discard, r.Body) },
		"closed": func(r *http.Response) { r.Body.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			w.serve(new(hits).answer(200))
			tr := w.transport(WithStrategy("least-connections"))
			r, err := (&http.Client{Transport: tr}).Get("http://payments/")
			if err != nil {
				t.Fatal(err)
			}
			if n := inFlight(tr); n != 1 {
				t.Errorf("%d in flight while the body is there", n)
			}
			end(r)
			if n := inFlight(tr); n != 0 {
				t.Errorf("%d in flight after the body", n)
			}
			r.Body.Close()
			r.Body.Close()
			if n := inFlight(tr); n != 0 {
				t.Errorf("%d in flight after the body was closed again", n)
			}
		})
	}
	t.Run("given up", func(t *testing.T) {
		w := newTown(t)
		w.serve(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		tr := w.transport(WithStrategy("least-connections"))
		ctx, cancel := context.WithCancelCause(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://payments/", nil)
		failed := make(chan error)
		go func() { _, err := tr.RoundTrip(r); failed <- err }()
		eventually(t, "the call is in flight", func() bool { return inFlight(tr) == 1 })
		gone := errors.New("the user went home")
		cancel(gone)
		if err := <-failed; !errors.Is(err, gone) {
			t.Errorf("%v", err)
		}
		if n := inFlight(tr); n != 0 {
			t.Errorf("%d in flight", n)
		}
		tr.endpoints(func(_ string, e *lb.Endpoint) {
			if e.Success != 1 {
				t.Errorf("it counts against the instance: %+v", e)
			}
		})
	})
}

// TestTheLoadOfTheServerReachesTheBalancer has two servers of which one says that it has a lot to do.
func TestTheLoadOfTheServerReachesTheBalancer(t *testing.T) {
	w := newTown(t)
	var busy, idle hits
	w.serve(busy.answer(200, lb.LoadHeader, lb.Load{InFlight: 70, Latency: time.Second}.String()))
	w.serve(idle.answer(200, lb.LoadHeader, lb.Load{InFlight: 1, Latency: time.Millisecond}.String()))
	c := w.client(WithStrategy("adaptive"))
	for range 50 {
		r, err := c.Get("http://payments/")
		want(t, r, err, 200, "200 ")
	}
	if busy.Load() > 5 {
		t.Errorf("the busy one got %d of 50 calls", busy.Load())
	}
	if http.CanonicalHeaderKey(lb.LoadHeader) != loadHeader {
		t.Errorf("the header is %s here", loadHeader)
	}
}

// The one whose bodies are long answers sooner.
func TestLatencyIsTheTimeToTheHeaders(t *testing.T) {
	w := newTown(t)
	var long, late atomic.Int64
	w.serve(func(rw http.ResponseWriter, _ *http.Request) {
		long.Add(1)
		rw.(http.Flusher).Flush()
		time.Sleep(40 * time.Millisecond)
	})
	w.serve(func(http.ResponseWriter, *http.Request) {
		late.Add(1)
		time.Sleep(20 * time.Millisecond)
	})
	c := w.client(WithStrategy("adaptive"))
	for range 20 {
		r, err := c.Get("http://payments/")
		want(t, r, err, 200, "")
	}
	if long.Load() < late.Load() {
		t.Errorf("%d calls went to who answers at once, and %d to who does not", long.Load(), late.Load())
	}
}

func TestAKeyStaysWithItsInstance(t *testing.T) {
	w := newTown(t)
	var seen [4]hits
	for i := range seen {
		w.serve(seen[i].answer(200))
	}
	c := w.client(WithStrategy("rendezvous"))
	for range 8 {
		r, _ := http.NewRequestWithContext(WithKey(t.Context(), "alice"), "GET", "http://payments/", nil)
		resp, err := c.Do(r)
		want(t, resp, err, 200, "200 ")
	}
	most := int64(0)
	for i := range seen {
		most = max(most, seen[i].Load())
	}
	if most != 8 {
		t.Errorf("the instance of the key got %d of 8 calls", most)
	}
}
