package mesh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/client/mesh"
)

// load makes calls by the name of the service, reads and payments in turn, as if by many independent users.
type load struct {
	t       *testing.T
	calls   *http.Client
	close   func()
	ended   context.CancelFunc
	running sync.WaitGroup
	paid    ledger
}

// ledger is what became of the calls.
type ledger struct {
	mu      sync.Mutex
	reads   int
	charged []string // payments that were answered
	failed  []failure
	slowest time.Duration
}

// failure is a call that failed.
type failure struct {
	method, id string
	err        error
}

// patience is how long a user waits.
const patience = 10 * time.Second

// startLoad makes so many calls a second, until the load is stopped.
func startLoad(t *testing.T, nodes []string, perSecond int) *load {
	t.Helper()
	muster, err := client.New(client.Config{Addrs: nodes})
	if err != nil {
		t.Fatal(err)
	}
	transport := mesh.NewTransport(muster)
	ctx, end := context.WithCancel(t.Context())
	l := &load{t: t, calls: &http.Client{Transport: transport}, ended: end}
	l.close = sync.OnceFunc(func() {
		end()
		l.running.Wait()
		if err := errors.Join(transport.Close(), muster.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(l.close)
	l.running.Go(func() {
		at := time.Now()
		for n := 0; ctx.Err() == nil; n++ {
			at = at.Add(time.Duration(mathrand.ExpFloat64() * float64(time.Second) / float64(perSecond)))
			time.Sleep(time.Until(at))
			l.running.Go(func() { l.call(n%2 == 0) })
		}
	})
	return l
}

// call makes one call, which does not end with the load.
func (l *load) call(read bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	method, path, id := http.MethodPost, "/charge", rand.Text()
	if read {
		method, path = http.MethodGet, "/balance"
	}
	began := time.Now()
	err := l.send(ctx, method, path, id)
	took := time.Since(began)
	l.paid.mu.Lock()
	defer l.paid.mu.Unlock()
	l.paid.slowest = max(l.paid.slowest, took)
	switch {
	case err != nil:
		l.paid.failed = append(l.paid.failed, failure{method, id, err})
	case read:
		l.paid.reads++
	default:
		l.paid.charged = append(l.paid.charged, id)
	}
}

func (l *load) send(ctx context.Context, method, path, id string) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+service+path, strings.NewReader(id))
	if err != nil {
		return err
	}
	request.Header.Set(headerPayment, id)
	response, err := l.calls.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(response.Status))
	}
	return errors.Join(err, response.Body.Close())
}

// answered is how many calls were answered so far.
func (p *ledger) answered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reads + len(p.charged)
}

// run goes on until so many further calls are answered.
func (l *load) run(further int) {
	l.t.Helper()
	target := l.paid.answered() + further
	for late := time.Now().Add(time.Minute); l.paid.answered() < target; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			l.t.Fatalf("%d calls were answered in a minute, not %d", l.paid.answered(), target)
		}
	}
}

// stop waits for the calls under way, and returns what became of all.
func (l *load) stop() *ledger {
	l.close()
	return &l.paid
}

// requireNoFailure fails the test where a call failed.
func (p *ledger) requireNoFailure(t *testing.T) {
	t.Helper()
	for n, one := range p.failed {
		if n == 10 {
			t.Errorf("and %d more", len(p.failed)-n)
			break
		}
		t.Errorf("a %s failed: %v", one.method, one.err)
	}
}

func (p *ledger) String() string {
	return fmt.Sprintf("%d GETs and %d POSTs answered, %d failed; the slowest took %s", p.reads, len(p.charged), len(p.failed),
		p.slowest.Round(time.Millisecond))
}
