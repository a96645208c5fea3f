package mesh

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"iter"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// worker is one incarnation of a server that can be restarted.
type worker struct {
	id     string
	server *http.Server
	done   chan struct{}
}

func (w *town) start(h http.Handler, over *wireFormat) *worker {
	l := listen(w.t)
	s := &worker{server: &http.Server{Handler: h, Protocols: over.protocols, ErrorLog: log.New(io.Discard, "", 0)}, done: make(chan struct{})}
	serve := s.server.Serve
	if over.config != nil {
		s.server.TLSConfig = over.config.Clone()
		serve = func(l net.Listener) error { return s.server.ServeTLS(l, "", "") }
	}
	go func() { defer close(s.done); _ = serve(l) }()
	s.id = w.register(l.Addr().String())
	return s
}

// wireFormat is how calls and answers are written.
type wireFormat struct {
	scheme    string
	major     int
	protocols *http.Protocols
	config    *tls.Config // of the servers; nil without TLS
}

// wireFormats are those that net/http has, by name.
func wireFormats(t *testing.T) map[string]*wireFormat {
	s := httptest.NewTLSServer(nil)
	config := &tls.Config{Certificates: s.TLS.Certificates} //nolint:gosec // of a test
	s.Close()
	one, two, plainTwo := new(http.Protocols), new(http.Protocols), new(http.Protocols)
	one.SetHTTP1(true)
	two.SetHTTP2(true)
	plainTwo.SetUnencryptedHTTP2(true)
	return map[string]*wireFormat{
		"HTTP/1.1":          {"http", 1, one, nil},
		"HTTP/1.1 over TLS": {"https", 1, one, config},
		"HTTP/2 over TLS":   {"https", 2, two, config},
		"HTTP/2 in plain":   {"http", 2, plainTwo, nil},
	}
}

// base makes connections of this kind.
func (f *wireFormat) base() Option {
	return WithBase(&http.Transport{
		Protocols: f.protocols, MaxIdleConnsPerHost: 128,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // of a test
	})
}

// confirming is a source that knows what all its watches have seen, as the client does, by which a drain returns.
type confirming struct {
	lb.Source

	mu      sync.Mutex
	watches map[*uint64]bool // what each has seen
}

func (c *confirming) Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error] {
	return func(yield func(registry.Snapshot, error) bool) {
		at := new(uint64)
		defer c.update(func() { delete(c.watches, at) })
		for snapshot, err := range c.Source.(lb.Watcher).Watch(ctx, service) {
			c.update(func() { // it begins with what is
				if !c.watches[at] {
					c.watches[at], *at = true, snapshot.Index-1
				}
			})
			if !yield(snapshot, err) {
				return
			}
			c.update(func() { *at = snapshot.Index })
		}
	}
}

func (c *confirming) update(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watches == nil {
		c.watches = map[*uint64]bool{}
	}
	f()
}

// seen is up to where all watches have seen what happened.
func (c *confirming) seen() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	least := uint64(math.MaxUint64)
	for at := range c.watches {
		least = min(least, *at)
	}
	return least
}

// stop drains the server and stops it gracefully.
func (s *worker) stop(t *testing.T, w *town, source *confirming) {
	s.leave(t, w)
	gone := w.reg.State().Index()
	eventually(t, "the watch has confirmed", func() bool { return source.seen() >= gone })
	if err := s.shutDown(t); err != nil {
		t.Errorf("a server that was drained does not end by itself: %v", err)
	}
}

// stopUnannounced is a server that stops gracefully, and a registry that learns of it later. Until it does, a connection that
// is made as the server stops, and left unused because an earlier one serves, can keep it from its end.
func (s *worker) stopUnannounced(t *testing.T, w *town, _ *confirming) {
	if err := s.shutDown(t); err != nil {
		t.Logf("a server does not end by itself: %v", err)
	}
	s.leave(t, w)
}

// kill ends it, whatever it is at.
func (s *worker) kill() {
	_ = s.server.Close()
	<-s.done
}

func (s *worker) leave(t *testing.T, w *town) {
	if err := w.reg.Deregister("payments", s.id); err != nil {
		t.Error(err)
	}
}

// shutDown stops it gracefully if it ends in time, and in any case.
func (s *worker) shutDown(t *testing.T) error {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := s.server.Shutdown(ctx)
	s.kill() // as programs do; a call that is lost by it is counted
	return err
}

// TestARemovalIsConfirmedWhenNothingIsOnItsWay has a server go while it works on a call. What happens in the meantime is
// known at once all the same.
func TestARemovalIsConfirmedWhenNothingIsOnItsWay(t *testing.T) {
	for name, slow := range map[string]time.Duration{"soon": 50 * time.Millisecond, "never": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, pools := newTown(t), newPools(newBase())
				id := w.register("10.0.0.1:80")
				source := &confirming{Source: lb.Local(w.reg)}
				var known atomic.Int64
				ctx, cancel := context.WithCancel(t.Context())
				var watching sync.WaitGroup
				watching.Go(func() {
					for snapshot := range observe(source, pools).(lb.Watcher).Watch(ctx, "payments") {
						known.Store(int64(len(snapshot.Instances)))
					}
				})
				tries := pools.use(endpoint{"payments", "10.0.0.1", 80})
				synctest.Wait()
				_ = w.reg.Deregister("payments", id)
				gone := w.reg.State().Index()
				time.AfterFunc(slow, tries.answered)
				began := time.Now()
				for n := range int64(3) {
					synctest.Wait()
					if known.Load() != n {
						t.Errorf("%d instances are known, not %d", known.Load(), n)
					}
					w.register(fmt.Sprintf("10.0.1.%d:80", n))
				}
				for source.seen() < gone {
					time.Sleep(time.Millisecond)
					synctest.Wait()
				}
				if d := time.Since(began); d != min(slow, farewell) {
					t.Errorf("confirmed after %v", d)
				}
				synctest.Wait()
				if seen := source.seen(); seen != w.reg.State().Index() {
					t.Errorf("later changes are confirmed up to %d", seen)
				}
				if known.Load() != 3 || len(source.watches) != 1 {
					t.Errorf("%d instances are known, by %d watches", known.Load(), len(source.watches))
				}
				cancel()
				watching.Wait()
				tries.release()
			})
		})
	}
}

// TestAWatchLeavesWhenTheNextOneKnowsAsMuch is about what changed between the two.
func TestAWatchLeavesWhenTheNextOneKnowsAsMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := false
		old, successor := &stretch{stop: func() { stopped = true }}, &stretch{current: make(chan struct{})}
		go old.leave(t.Context(), nil, successor)
		synctest.Wait()
		if stopped {
			t.Error("it left before")
		}
		close(successor.current)
		synctest.Wait()
		if !stopped {
			t.Error("it did not leave")
		}
	})
}

// TestARollingRestartLosesNoPost has one server after another be replaced while POSTs go on at a steady rate.
func TestARollingRestartLosesNoPost(t *testing.T) {
	for name, over := range wireFormats(t) {
		t.Run(name, func(t *testing.T) { rollingRestart(t, over, (*worker).stop) })
	}
}

// TestWithHTTP2ARestartWithoutADrainLosesNoPost leaves it to GOAWAY which POSTs were not handled. HTTP/1 has no word for it.
func TestWithHTTP2ARestartWithoutADrainLosesNoPost(t *testing.T) {
	for name, over := range wireFormats(t) {
		if over.major == 2 {
			t.Run(name, func(t *testing.T) { rollingRestart(t, over, (*worker).stopUnannounced) })
		}
	}
}

func rollingRestart(t *testing.T, over *wireFormat, stop func(*worker, *testing.T, *town, *confirming)) {
	lasting, every := 4*time.Second, 3*time.Millisecond
	if testing.Short() {
		lasting = time.Second
	}
	w := newTown(t)
	var served atomic.Int64
	h := Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		served.Add(1)
		body, _ := io.ReadAll(r.Body)
		time.Sleep(2 * time.Millisecond)
		fmt.Fprintf(rw, "got %s", body)
	}))
	source := &confirming{Source: lb.Local(w.reg)}
	tr := NewTransport(source, over.base(), WithBudget(Budget{Floor: 1000}))
	defer tr.Close()
	c := &http.Client{Transport: tr}
	var workers []*worker
	for range 4 {
		workers = append(workers, w.start(h, over))
	}
	var calls sync.WaitGroup
	var made, failed atomic.Int64
	enough, restarts := time.After(lasting), 0
	restart := time.NewTicker(100 * time.Millisecond)
	defer restart.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var restarting sync.WaitGroup
	restarted := make(chan struct{}, 1)
	restarted <- struct{}{}
	for going := true; going; {
		select {
		case <-enough:
			going = false
		case <-restart.C:
			select {
			case <-restarted:
			default: // the last restart goes on
				continue
			}
			n := restarts % len(workers)
			old := workers[n]
			workers[n] = w.start(h, over)
			restarts++
			restarting.Go(func() { stop(old, t, w, source); restarted <- struct{}{} })
		case <-tick.C:
			made.Add(1)
			calls.Go(func() {
				began := time.Now()
				r, err := postTo(t, c, over.scheme+"://payments/charge", strings.NewReader("ten"))
				if err == nil {
					b, readErr := io.ReadAll(r.Body)
					r.Body.Close()
					if err = readErr; err == nil && (string(b) != "got ten" || r.ProtoMajor != over.major) {
						err = fmt.Errorf("%s %d %q", r.Proto, r.StatusCode, b)
					}
				}
				if err != nil && failed.Add(1) < 5 {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		}
	}
	calls.Wait()
	restarting.Wait()
	for _, s := range workers {
		s.kill()
	}
	t.Logf("%d calls, %d served, %d restarts, %d failed", made.Load(), served.Load(), restarts, failed.Load())
	if served.Load() != made.Load() {
		t.Errorf("%d of %d calls were served", served.Load(), made.Load())
	}
	if n := inFlight(tr); n != 0 {
		t.Errorf("%d in flight at the end", n)
	}
}
