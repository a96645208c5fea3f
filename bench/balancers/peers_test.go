package balancers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	gokit "github.com/go-kit/kit/sd/lb"
	kratosregistry "github.com/go-kratos/kratos/v2/registry"
	"github.com/go-kratos/kratos/v2/selector"
	kratosp2c "github.com/go-kratos/kratos/v2/selector/p2c"
	kratosrandom "github.com/go-kratos/kratos/v2/selector/random"
	kratoswrr "github.com/go-kratos/kratos/v2/selector/wrr"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// contender is a balancer as its own documentation has it used. Its function chooses an instance, ends the call at once with
// success, and returns who was chosen.
type contender struct {
	name string
	make func(tb testing.TB, n int) func() string
}

func contenders() (all []contender) {
	for _, strategy := range lb.Strategies() {
		all = append(all, contender{"muster/" + strategy, func(tb testing.TB, n int) func() string { return muster(tb, strategy, n, weight) }})
	}
	return append(all,
		contender{"muster/p2c, equal weights", func(tb testing.TB, n int) func() string { return muster(tb, "p2c", n, equal) }},
		contender{"floor/round_robin", turns},
		contender{"floor/p2c", twoChoices},
		contender{"grpc/round_robin", func(tb testing.TB, n int) func() string { return grpcGo(tb, "round_robin", `{}`, n) }},
		contender{"grpc/least_request", func(tb testing.TB, n int) func() string {
			return grpcGo(tb, "least_request_experimental", `{"choiceCount": 2}`, n)
		}},
		contender{"grpc/weighted", func(tb testing.TB, n int) func() string {
			return grpcGo(tb, "weighted_round_robin", `{"blackoutPeriod": "0s", "weightUpdatePeriod": "0.1s"}`, n)
		}},
		contender{"go-kit/round_robin", func(_ testing.TB, n int) func() string { return goKit(gokit.NewRoundRobin, n) }},
		contender{"go-kit/random behind a mutex", func(_ testing.TB, n int) func() string {
			return goKit(func(s sd.Endpointer) gokit.Balancer { return &oneAtATime{balancer: gokit.NewRandom(s, 1)} }, n)
		}},
		contender{"kratos/random", func(_ testing.TB, n int) func() string { return kratos(kratosrandom.New(), n) }},
		contender{"kratos/p2c", func(_ testing.TB, n int) func() string { return kratos(kratosp2c.New(), n) }},
		contender{"kratos/wrr", func(_ testing.TB, n int) func() string { return kratos(kratoswrr.New(), n) }},
	)
}

// address and weight are those of the instance with that number.
func address(i int) string { return fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250) }
func weight(i int) int     { return 10 * (1 + i%10) }

type instances []registry.Instance

func (s instances) Discover(context.Context, string) ([]registry.Instance, error) { return s, nil }

func equal(int) int { return registry.DefaultWeight }

func muster(tb testing.TB, strategy string, n int, weight func(i int) int) func() string {
	var list instances
	for i := range n {
		list = append(list, registry.Instance{Service: "payments", ID: address(i), Weight: weight(i)})
	}
	b, err := lb.New(strategy, list)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.Close() })
	service, ctx := b.Service("payments"), context.Background()
	return func() string {
		call, err := service.Acquire(ctx, lb.Query{})
		if err != nil {
			tb.Error(err)
			return ""
		}
		call.Done(lb.Outcome{})
		return call.Instance().ID
	}
}

// turns is the least that taking turns can cost: one counter that all share, and a division.
func turns(_ testing.TB, n int) func() string {
	var list []string
	for i := range n {
		list = append(list, address(i))
	}
	var turn atomic.Uint64
	return func() string { return list[turn.Add(1)%uint64(n)] }
}

// twoChoices is the least that the choice between two can cost: two random numbers, two counters that are compared, and one of
// them up and down again.
func twoChoices(_ testing.TB, n int) func() string {
	type one struct {
		inFlight atomic.Int64
		address  string
		_        [40]byte // a cache line each
	}
	list := make([]one, n)
	for i := range list {
		list[i].address = address(i)
	}
	return func() string {
		chosen, other := &list[rand.IntN(n)], &list[rand.IntN(n)]
		if other.inFlight.Load() < chosen.inFlight.Load() {
			chosen = other
		}
		chosen.inFlight.Add(1)
		chosen.inFlight.Add(-1)
		return chosen.address
	}
}

func goKit(balancer func(sd.Endpointer) gokit.Balancer, n int) func() string {
	var list sd.FixedEndpointer
	for i := range n {
		var who any = address(i)
		list = append(list, func(context.Context, any) (any, error) { return who, nil })
	}
	b := balancer(list)
	return func() string { return named(b.Endpoint()) }
}

// oneAtATime is a balancer behind a mutex. go-kit's random one shares a source of random numbers that is not safe for
// concurrent use, and panics on two goroutines: nobody with more than one can use it without.
type oneAtATime struct {
	mu       sync.Mutex
	balancer gokit.Balancer
}

// Endpoint asks the balancer, when nobody else does.
func (o *oneAtATime) Endpoint() (endpoint.Endpoint, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.balancer.Endpoint()
}

// named is who an endpoint is, by calling it; the others have that in what they return.
func named(e endpoint.Endpoint, err error) string {
	if err != nil {
		return ""
	}
	who, _ := e(context.Background(), nil)
	return who.(string)
}

func kratos(s selector.Selector, n int) func() string {
	var nodes []selector.Node
	for i := range n {
		nodes = append(nodes, selector.NewNode("http", address(i), &kratosregistry.ServiceInstance{
			ID: address(i), Name: "payments", Metadata: map[string]string{"weight": strconv.Itoa(weight(i))},
		}))
	}
	s.Apply(nodes)
	ctx := context.Background()
	return func() string {
		node, done, err := s.Select(ctx)
		if err != nil {
			return ""
		}
		done(ctx, selector.DoneInfo{})
		return node.Address()
	}
}
