package trials

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// load is a number of writers, each of which writes version after version of an instance of its own, one at a time, now to
// this node and now to that, and again with the same idempotency key where an answer leaves open what became of a write. So
// of each instance it is known which version was acknowledged last and which was tried last: what the cluster shows must lie
// between the two.
type load struct {
	t       *testing.T
	nodes   []string
	writers []*writer
	stop    context.CancelFunc
	running sync.WaitGroup
}

type writer struct {
	id    string
	keys  string // what the keys of its writes begin with
	calls *http.Client

	mu           sync.Mutex
	tried        int
	acknowledged int
	retried      int     // writes that were sent again since their outcome was open
	open         []error // why writes that were given up at the end of the load were open
	failed       []error // answers after which the contract lets nobody try again
}

// startLoad lets writers write until stopLoad.
func startLoad(t *testing.T, c *testcluster.Processes, writers int) *load {
	ctx, stop := context.WithCancel(t.Context())
	l := &load{t: t, stop: stop}
	for _, p := range c.Nodes {
		l.nodes = append(l.nodes, p.HTTP)
	}
	for i := range writers {
		w := &writer{id: fmt.Sprintf("w%02d", i), keys: rand.Text(), calls: &http.Client{Transport: &http.Transport{}}}
		l.writers = append(l.writers, w)
		l.running.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				w.write(ctx, l.nodes, n)
			}
			w.calls.CloseIdleConnections()
		})
	}
	t.Cleanup(l.end)
	return l
}

// end stops the writers; what they have under way is waited for.
func (l *load) end() {
	l.stop()
	l.running.Wait()
}

// write brings one further version to the cluster. It does what the contract allows a client to do: where nothing was
// applied, or that is not known, the next node is asked with the same key.
func (w *writer) write(ctx context.Context, nodes []string, first int) {
	w.mu.Lock()
	w.tried++
	version := w.tried
	w.mu.Unlock()
	unknown := false
	for n := first; ; n++ {
		outcome, err := w.put(nodes[n%len(nodes)], version)
		unknown = unknown || outcome == openOutcome
		ended := ctx.Err() != nil
		w.mu.Lock()
		switch {
		case outcome == applied:
			w.acknowledged = version
		case outcome == refused:
			w.failed = append(w.failed, err)
		case ended && unknown:
			w.open = append(w.open, err)
		case outcome == openOutcome:
			w.retried++
		}
		w.mu.Unlock()
		if outcome == applied || outcome == refused || ended {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done(): // once more, so that few are left open
		}
	}
}

type outcome int

const (
	applied outcome = iota
	notApplied
	openOutcome
	refused
)

// put does not end with the load: a write under way is waited for, so that its outcome is known.
func (w *writer) put(node string, version int) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	body := fmt.Sprintf(`{"address": "10.0.0.7", "port": 8080, "metadata": {"version": "%d"}}`, version)
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, node+wire.PathInstance("load", w.id), bytes.NewReader([]byte(body)))
	if err != nil {
		return refused, err
	}
	request.Header.Set("Content-Type", wire.TypeJSON)
	request.Header.Set(wire.HeaderIdempotencyKey, fmt.Sprintf("%s-%d", w.keys, version))
	response, err := w.calls.Do(request)
	if testcluster.IsRefused(err) {
		return notApplied, nil // the node is not there
	}
	if err != nil {
		return openOutcome, err
	}
	answer, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return openOutcome, err
	}
	if response.StatusCode < 300 {
		return applied, nil
	}
	var p wire.Problem
	if err := json.Unmarshal(answer, &p); err != nil {
		return refused, fmt.Errorf("%d %s", response.StatusCode, answer)
	}
	switch {
	case p.Outcome == wire.OutcomeUnknown:
		return openOutcome, &p
	case p.Outcome == wire.NotApplied && p.Code.Retryable():
		return notApplied, &p
	default:
		return refused, &p
	}
}

// acknowledged is how many versions all writers have brought in.
func (l *load) acknowledged() (n int) {
	for _, w := range l.writers {
		w.mu.Lock()
		n += w.acknowledged
		w.mu.Unlock()
	}
	return n
}

// retried is how many tries left open what became of the write, which was sent again.
func (l *load) retried() (n int) {
	for _, w := range l.writers {
		w.mu.Lock()
		n += w.retried
		w.mu.Unlock()
	}
	return n
}

// open is why writes were still open when the load ended.
func (l *load) open() (all []error) {
	for _, w := range l.writers {
		w.mu.Lock()
		all = append(all, w.open...)
		w.mu.Unlock()
	}
	return all
}

// await returns when so many further versions are acknowledged: the cluster takes writes, and is busy with them.
func (l *load) await(further int) {
	l.t.Helper()
	target := l.acknowledged() + further
	await(l.t, func() error {
		if n := l.acknowledged(); n < target {
			return fmt.Errorf("%d writes acknowledged, not yet %d", n, target)
		}
		return nil
	})
}

// await waits until something has come about, for a minute at most.
func await(t *testing.T, come func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := testcluster.Poll(ctx, func(context.Context) error { return come() }); err != nil {
		t.Fatalf("after a minute: %v", err)
	}
}

// requireNothingLost compares what a node shows, once it has caught up with all acknowledged writes, with what the writers
// know. It may be called while they go on.
func (l *load) requireNothingLost(node string) {
	l.t.Helper()
	before := map[string]int{}
	for _, w := range l.writers {
		w.mu.Lock()
		if len(w.failed) > 0 {
			l.t.Fatalf("a write of %s failed for good: %v", w.id, w.failed[0])
		}
		before[w.id] = w.acknowledged
		w.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	var found struct{ Instances []registry.Instance }
	err := testcluster.Poll(ctx, func(ctx context.Context) error {
		answer, err := testcluster.Get(ctx, node+"/v1/services/load?consistency=linearizable&status=any")
		if err == nil && answer.Status != 200 {
			err = fmt.Errorf("%d %s", answer.Status, answer.Body)
		}
		if err == nil {
			err = answer.Decode(&found)
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	shown := map[string]int{}
	for _, i := range found.Instances {
		shown[i.ID], _ = strconv.Atoi(i.Metadata["version"])
	}
	for _, w := range l.writers {
		w.mu.Lock()
		tried := w.tried
		w.mu.Unlock()
		if shown[w.id] < before[w.id] || shown[w.id] > tried {
			l.t.Fatalf("%s shows version %d of %s; %d was acknowledged, and %d tried last", node, shown[w.id], w.id, before[w.id], tried)
		}
	}
}
