package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// asked is one call that came to a [fakeRegistry].
type asked struct {
	at    time.Time
	path  string
	bytes int
	key   string
	many  int // instances
}

// fakeRegistry is a registry of one state behind any number of nodes, over a transport in memory. It remembers keys.
type fakeRegistry struct {
	mu        sync.Mutex
	index     uint64
	instances map[wire.InstanceName]registry.Instance
	answers   map[string]*http.Response
	bodies    map[string][]byte
	asked     []asked

	meddle  func(r *http.Request, body string) error // before it is applied, without the lock; the error goes to the caller
	after   func(r *http.Request, body string) error // the same, once it is applied: the answer is lost
	drained func(r *http.Request) *wire.Drained
	away    bool // nothing listens
}

// story runs in virtual time with a registry and its client.
func story(t *testing.T, nodes int, tell func(t *testing.T, f *fakeRegistry, c *Client)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRegistry{instances: map[wire.InstanceName]registry.Instance{}, answers: map[string]*http.Response{}, bodies: map[string][]byte{}}
		c := f.client(t, nodes)
		defer func() { _ = c.Close() }()
		tell(t, f, c)
	})
}

func (f *fakeRegistry) client(t *testing.T, nodes int) *Client {
	t.Helper()
	var addresses []string
	for n := range nodes {
		addresses = append(addresses, fmt.Sprintf("http://n%d:7300", n+1))
	}
	calls, err := api.NewWith(api.Options{Addresses: addresses, Transport: f})
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{calls: calls, table: newTable(time.Minute), registrations: newRegistrations(calls, slog.New(slog.DiscardHandler))} // and no stream
	ctx, end := context.WithCancel(context.Background())
	c.closed, c.end = ctx.Done(), end
	return c
}

func (f *fakeRegistry) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeRegistry) has(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.instances[wire.InstanceName{Service: "payments", ID: id}]
	return ok
}

func (f *fakeRegistry) forget(id string) {
	f.set(func() { delete(f.instances, wire.InstanceName{Service: "payments", ID: id}) })
}

// count is how many calls have a path that holds some words, since a moment.
func (f *fakeRegistry) count(words string, since time.Time) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if strings.Contains(a.path, words) && !a.at.Before(since) {
			n++
		}
	}
	return n
}

func (f *fakeRegistry) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	f.mu.Lock()
	f.asked = append(f.asked, asked{
		at: time.Now(), path: r.Method + " " + r.URL.Path, bytes: len(body), key: r.Header.Get(wire.HeaderIdempotencyKey), many: strings.Count(string(body), `"service":`),
	})
	meddle, after := f.meddle, f.after
	away := f.away
	f.mu.Unlock()
	if away {
		return nil, errors.New("connection refused")
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if meddle != nil {
		if err := meddle(r, string(body)); err != nil {
			return failure(err)
		}
	}
	status, answer := f.answer(r, body)
	if after != nil {
		if err := after(r, string(body)); err != nil {
			return failure(err)
		}
	}
	return answered(r, status, answer), r.Context().Err()
}

func failure(err error) (*http.Response, error) {
	p, ok := errors.AsType[*wire.Problem](err)
	if !ok {
		return nil, err
	}
	return answered(nil, p.Status, p), nil
}

func answered(r *http.Request, status int, body any) *http.Response {
	text, _ := json.Marshal(body)
	h := http.Header{wire.HeaderIndex: {"1"}}
	if i, ok := body.(registry.Instance); ok {
		h.Set(wire.HeaderDigest, record.Digest(&i))
		h.Set(wire.HeaderIndex, fmt.Sprint(i.ModifyIndex))
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(string(text))), Request: r}
}

// answer applies a call, once a key.
func (f *fakeRegistry) answer(r *http.Request, body []byte) (int, any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	key := r.Header.Get(wire.HeaderIdempotencyKey)
	if _, again := f.answers[key]; again && key != "" {
		var drained *wire.Drained
		if r.Method == http.MethodDelete && f.drained != nil && r.URL.Query().Has(wire.ParamDrain) {
			drained = f.drained(r)
		}
		if r.Method == http.MethodDelete && f.answers[key].StatusCode == http.StatusOK {
			return http.StatusOK, wire.Deregistered{Index: f.index, Drained: drained}
		}
		var known any = json.RawMessage(f.bodies[key])
		if r.Method == http.MethodPut && f.answers[key].StatusCode < 300 && len(parts) == 4 {
			var i registry.Instance
			_ = json.Unmarshal(f.bodies[key], &i)
			known = i
		}
		return f.answers[key].StatusCode, known
	}
	status, answer := f.apply(r, parts, body)
	if key != "" {
		text, _ := json.Marshal(answer)
		f.answers[key], f.bodies[key] = &http.Response{StatusCode: status}, text
	}
	return status, answer
}

func (f *fakeRegistry) apply(r *http.Request, parts []string, body []byte) (int, any) {
	switch {
	case parts[0] == "heartbeats":
		var beats wire.Heartbeats
		_ = json.Unmarshal(body, &beats)
		return http.StatusOK, f.renew(beats.Instances)
	case parts[0] == "batch":
		var batch wire.Batch
		_ = json.Unmarshal(body, &batch)
		var answer wire.BatchAnswer
		for n, op := range batch.Operations {
			if op.Register.Zone == "forbidden" {
				p := wire.NewProblem(wire.CodeForbidden, "not there")
				p.Outcome, p.Position = wire.NotApplied, &n
				return p.Status, p
			}
		}
		for _, op := range batch.Operations {
			created, i := f.register(*op.Register)
			answer.Index = f.index
			answer.Results = append(answer.Results, wire.BatchResult{Service: i.Service, ID: i.ID, Created: created, Digest: record.Digest(&i), Instance: &i})
		}
		return http.StatusOK, answer
	}
	name := wire.InstanceName{Service: parts[1], ID: parts[3]}
	i, there := f.instances[name]
	switch {
	case len(parts) == 4 && r.Method == http.MethodPut:
		_ = json.Unmarshal(body, &i)
		i.Service, i.ID = name.Service, name.ID
		if i.Zone == "forbidden" {
			p := wire.NewProblem(wire.CodeForbidden, "not there")
			p.Outcome = wire.NotApplied
			return p.Status, p
		}
		created, i := f.register(i)
		if created {
			return http.StatusCreated, i
		}
		return http.StatusOK, i
	case !there:
		p := wire.NewProblem(wire.CodeInstanceNotFound, "it is not there")
		p.Outcome = wire.NotApplied
		return p.Status, p
	case r.Method == http.MethodDelete:
		f.index++
		delete(f.instances, name)
		answer := wire.Deregistered{Index: f.index}
		if f.drained != nil && r.URL.Query().Has(wire.ParamDrain) {
			answer.Drained = f.drained(r)
		}
		return http.StatusOK, answer
	default: // a report
		var report wire.HealthReport
		_ = json.Unmarshal(body, &report)
		i.Status = report.Status
		f.instances[name] = i
		return http.StatusOK, i
	}
}

func (f *fakeRegistry) register(i registry.Instance) (created bool, now registry.Instance) {
	f.index++
	i = i.Normalize()
	name := wire.InstanceName{Service: i.Service, ID: i.ID}
	was, there := f.instances[name]
	i.Status, i.ModifyIndex = registry.Healthy, f.index
	if there {
		i.Status = was.Status
	}
	f.instances[name] = i
	return !there, i
}

func (f *fakeRegistry) renew(beats []wire.Heartbeat) (r wire.Renewal) {
	r.Renewed = len(beats)
	for _, b := range beats {
		name := wire.InstanceName{Service: b.Service, ID: b.ID}
		switch i, there := f.instances[name]; {
		case !there:
			r.Missing = append(r.Missing, name)
			r.Renewed--
		case record.Digest(&i) != b.Digest:
			r.Differs = append(r.Differs, name)
		}
	}
	return r
}

func payments(id string) registry.Instance {
	return registry.Instance{Service: "payments", ID: id, Address: "10.0.0.7", Port: 8080}
}

func mustRegister(t *testing.T, c *Client, i registry.Instance, opts ...RegisterOption) *Registration {
	t.Helper()
	r, err := c.Register(t.Context(), i, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// down makes every call fail as where nothing listens.
func (f *fakeRegistry) down(down bool) { f.set(func() { f.away = down }) }

// hang waits until the caller has lost patience.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
