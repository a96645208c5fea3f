package lb_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

var errDown = errors.New("down")

// fixed is a source whose instances do not change.
type fixed []registry.Instance

func (f fixed) Discover(context.Context, string) ([]registry.Instance, error) { return f, nil }

func (f fixed) Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error] {
	return func(yield func(registry.Snapshot, error) bool) {
		if yield(registry.Snapshot{Service: service, Index: 1, Instances: f}, nil) {
			<-ctx.Done()
		}
	}
}

// instances are n that are healthy, i0000 and so on.
func instances(n int) (list []registry.Instance) {
	for i := range n {
		list = append(list, instance(fmt.Sprintf("i%04d", i)))
	}
	return list
}

func instance(id string, with ...func(*registry.Instance)) registry.Instance {
	i := registry.Instance{Service: "payments", ID: id, Address: "10.0.0.7", Port: 8080, Weight: 100, Status: registry.Healthy}
	for _, change := range with {
		change(&i)
	}
	return i
}

func weighing(weight int) func(*registry.Instance) {
	return func(i *registry.Instance) { i.Weight = weight }
}

func in(zone string) func(*registry.Instance) { return func(i *registry.Instance) { i.Zone = zone } }

func balancerOf(tb testing.TB, strategy string, list []registry.Instance, opts ...lb.Option) *lb.Balancer {
	tb.Helper()
	return balancer(tb, strategy, fixed(list), opts...)
}

func balancer(tb testing.TB, strategy string, source lb.Source, opts ...lb.Option) *lb.Balancer {
	tb.Helper()
	b, err := lb.New(strategy, source, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.Close() })
	return b
}

func acquire(t testing.TB, s *lb.Service) lb.Call {
	t.Helper()
	call, err := s.Acquire(t.Context(), lb.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return call
}

func endpoints(s *lb.Service) map[string]lb.Endpoint {
	all := map[string]lb.Endpoint{}
	for _, e := range s.Endpoints() {
		all[e.ID] = e
	}
	return all
}

func expectInFlight(t *testing.T, s *lb.Service, want int) {
	t.Helper()
	for _, e := range s.Endpoints() {
		if e.InFlight != want {
			t.Errorf("%s has %d in flight, want %d", e.ID, e.InFlight, want)
		}
	}
}

func registryOf(t *testing.T, ids ...string) *registry.Registry {
	t.Helper()
	reg := registry.New()
	for _, id := range ids {
		register(t, reg, id)
	}
	return reg
}

func register(t *testing.T, reg *registry.Registry, id string, with ...func(*registry.Instance)) {
	t.Helper()
	if _, err := reg.Register(instance(id, with...)); err != nil {
		t.Fatal(err)
	}
}
