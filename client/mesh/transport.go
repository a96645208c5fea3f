package mesh

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/lb"
)

// Transport is an [http.RoundTripper] that takes the host of a URL for the name of a service. All methods may be called by
// any number of goroutines at once.
type Transport struct {
	settings  settings
	balancer  *lb.Balancer
	pools     *pools
	outside   *http.Transport // for what is no service
	telemetry *telemetry

	services sync.Map // of *service, by name
	closed   atomic.Bool
}

// NewTransport returns a transport over the source, usually a client.Client. It makes no call yet. A setting that can't be,
// such as a strategy that does not exist, is a mistake in the program and makes it panic; [New] returns it as an error,
// for programs that have their settings from elsewhere.
func NewTransport(source lb.Source, opts ...Option) *Transport {
	t, err := New(source, opts...)
	if err != nil {
		panic(err)
	}
	return t
}

// New does what [NewTransport] does, and returns what is wrong with the options as an error.
func New(source lb.Source, opts ...Option) (*Transport, error) {
	s := newSettings(opts)
	if err := s.validate(); err != nil {
		return nil, err
	}
	base := s.base
	if base == nil {
		base = newBase()
	}
	t := &Transport{settings: s, pools: newPools(base), outside: base.Clone()}
	telemetry, err := newTelemetry(&s, t.endpoints)
	if err != nil {
		return nil, err
	}
	t.telemetry = telemetry
	config := breaker.DefaultConfig()
	balancing := append([]lb.Option{lb.WithBreaker(config), lb.WithOnChange(telemetry.changed)}, s.balancer...)
	t.balancer, err = lb.New(s.strategy, observe(source, t.pools), balancing...)
	if err != nil {
		telemetry.close()
		return nil, fmt.Errorf("mesh: %w", err)
	}
	return t, nil
}

// RoundTrip makes the call. Its error is a [*TryError] where an instance was called; else it is one of package lb's or
// registry's, wrapped, [ErrThrottled] or [ErrClosed], and nothing was sent. An answer that could not be bettered by
// retries is no error: the caller gets the last one.
//
// It returns when the context of the request ends, also from within a Read of the request's body: a body is closed with its
// try, while it is read if need be, as [http.Request] has it. Only one whose Close leaves a Read waiting holds up a call over
// HTTP/1, where net/http waits for it.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.closed.Load() {
		closeBody(req)
		return nil, ErrClosed
	}
	if req.URL == nil {
		return t.outside.RoundTrip(req) // which says what is wrong with it
	}
	name, ok := t.settings.serviceOf(req.URL)
	if !ok {
		return t.outside.RoundTrip(req)
	}
	c := call{
		transport: t, service: t.service(name), req: req, body: newBody(req),
		key: keyOf(req.Context()), repeatable: repeatable(req),
	}
	defer c.body.end()
	return c.run()
}

// CloseIdleConnections closes the connections that no call uses.
func (t *Transport) CloseIdleConnections() {
	t.pools.closeIdle()
	t.outside.CloseIdleConnections()
}

// Close ends the watches of the services, waits for them, and closes the connections that no call uses; the others follow
// when their calls end. Calls made later fail with [ErrClosed]. The source is the caller's to close.
func (t *Transport) Close() error {
	t.closed.Store(true)
	err := t.balancer.Close()
	t.telemetry.close()
	t.pools.close()
	t.outside.CloseIdleConnections()
	return err
}

func (t *Transport) service(name string) *service {
	if s, ok := t.services.Load(name); ok {
		return s.(*service)
	}
	s, _ := t.services.LoadOrStore(name, newService(name, t.balancer, &t.settings))
	return s.(*service)
}

// endpoints calls f for each service and each of its instances that the balancer knows.
func (t *Transport) endpoints(f func(service string, e *lb.Endpoint)) {
	for name, s := range t.services.Range {
		known := s.(*service).balancer.Endpoints()
		for i := range known {
			f(name.(string), &known[i])
		}
	}
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // of what was only read
	}
}
