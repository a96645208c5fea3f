package mesh

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
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

func (w *town) start(h http.Handler) *worker {
	l := listen(w.t)
	s := &worker{server: &http.Server{Handler: h}, done: make(chan struct{})}
	go func() { defer close(s.done); _ = s.server.Serve(l) }()
	s.id = w.register(l.Addr().String())
	return s
}

// confirming is a watch that knows what its consumer has seen, as the client's, by which a drain returns.
type confirming struct {
	lb.Source
	seen atomic.Uint64
}

func (c *confirming) Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error] {
	return func(yield func(registry.Snapshot, error) bool) {
		for snapshot, err := range c.Source.(lb.Watcher).Watch(ctx, service) {
			if !yield(snapshot, err) {
				return
			}
			c.seen.Store(snapshot.Index)
		}
	}
}

// stop drains the server and stops it gracefully.
func (s *worker) stop(t *testing.T, w *town, source *confirming) {
	if err := w.reg.Deregister("payments", s.id); err != nil {
		t.Error(err)
	}
	gone := w.reg.State().Index()
	eventually(t, "the watch has confirmed", func() bool { return source.seen.Load() >= gone })
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-s.done
}

// TestARollingRestartLosesNoPost has one server after another be replaced while POSTs go on at a steady rate.
func TestARollingRestartLosesNoPost(t *testing.T) {
	lasting, every := 10*time.Second, 3*time.Millisecond
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
	tr := NewTransport(source)
	defer tr.Close()
	c := &http.Client{Transport: tr}
	var workers []*worker
	for range 4 {
		workers = append(workers, w.start(h))
	}
	var calls sync.WaitGroup
	var made, failed atomic.Int64
	over, restarts := time.After(lasting), 0
	restart := time.NewTicker(100 * time.Millisecond)
	defer restart.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var restarting sync.WaitGroup
	for going := true; going; {
		select {
		case <-over:
			going = false
		case <-restart.C:
			restarting.Wait()
			n := restarts % len(workers)
			old := workers[n]
			workers[n] = w.start(h)
			restarts++
			restarting.Go(func() { old.stop(t, w, source) })
		case <-tick.C:
			made.Add(1)
			calls.Go(func() {
				r, err := post(t, c, strings.NewReader("ten"))
				if err == nil {
					b, readErr := io.ReadAll(r.Body)
					r.Body.Close()
					if err = readErr; err == nil && string(b) != "got ten" {
						err = fmt.Errorf("%d %q", r.StatusCode, b)
					}
				}
				if err != nil && failed.Add(1) < 5 {
					t.Error(err)
				}
			})
		}
	}
	calls.Wait()
	restarting.Wait()
	for _, s := range workers {
		_ = s.server.Close()
		<-s.done
	}
	t.Logf("%d calls, %d served, %d restarts, %d failed", made.Load(), served.Load(), restarts, failed.Load())
	if served.Load() != made.Load() {
		t.Errorf("%d of %d calls were served", served.Load(), made.Load())
	}
	if n := inFlight(tr); n != 0 {
		t.Errorf("%d in flight at the end", n)
	}
}
