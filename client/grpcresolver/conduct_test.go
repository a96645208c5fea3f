package grpcresolver_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/client/grpcresolver"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// crowd makes so many calls on so many goroutines, and returns how many failed.
func crowd(t testing.TB, client healthpb.HealthClient, goroutines, calls int) (failed int64) {
	t.Helper()
	var left, lost atomic.Int64
	left.Store(int64(calls))
	var g sync.WaitGroup
	for range goroutines {
		g.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := call(t.Context(), client); err != nil {
					lost.Add(1)
				}
			}
		})
	}
	g.Wait()
	return lost.Load()
}

func fails(code codes.Code) func(context.Context) error {
	return func(context.Context) error { return status.Error(code, "as told") }
}

func TestNoCallFailsWhileInstancesComeAndGo(t *testing.T) {
	for _, strategy := range []string{"adaptive", "round-robin"} {
		t.Run(strategy, func(t *testing.T) {
			w := newWire()
			servers := []*server{start(t, "0"), start(t, "1"), start(t, "2")}
			conn := connect(t, w, nil, grpcresolver.WithStrategy(strategy))
			client := healthpb.NewHealthClient(conn)
			conn.Connect()
			w.send(healthy(servers...), nil)
			reach(t, client, servers...)

			done := make(chan struct{})
			var calls atomic.Int64
			var g sync.WaitGroup
			for range 8 {
				g.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
						}
						if _, err := call(t.Context(), client); err != nil {
							t.Errorf("after %d calls: %v", calls.Load(), err)
							return
						}
						calls.Add(1)
					}
				})
			}
			for n := range 10 {
				next := start(t, fmt.Sprint(n+3))
				w.send(healthy(append(servers, next)...), nil)
				reach(t, client, next)
				gone := servers[0]
				servers = append(servers[1:], next)
				w.send(healthy(servers...), nil) // returns when the watch would confirm
				gone.GracefulStop()
			}
			close(done)
			g.Wait()
			t.Logf("%d calls", calls.Load())
		})
	}
}

func TestWhenTheNextSnapshotIsAskedForNobodyPicksWhoIsGone(t *testing.T) {
	a, b := start(t, "a"), start(t, "b")
	w := newWire()
	conn := connect(t, w, nil, grpcresolver.WithStrategy("round-robin"))
	client := healthpb.NewHealthClient(conn)
	conn.Connect()
	for range 15 {
		w.send(healthy(a, b), nil)
		reach(t, client, a, b)
		w.send(healthy(a), nil)
		before := b.calls.Load()
		for range 20 {
			if _, err := call(t.Context(), client); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.calls.Load() - before; n != 0 {
			t.Fatalf("an instance got %d calls after its removal was confirmed", n)
		}
	}
}

func TestACallInFlightToARemovedInstanceGoesOn(t *testing.T) {
	a, b := start(t, "a"), start(t, "b")
	arrived, release := make(chan struct{}), make(chan struct{})
	a.behave(func(context.Context) error { close(arrived); <-release; return nil })
	w := newWire()
	conn := connect(t, w, nil)
	client := healthpb.NewHealthClient(conn)
	conn.Connect()
	w.send(healthy(a), nil)
	answer := make(chan error)
	go func() {
		_, err := call(context.Background(), client, grpc.WaitForReady(true))
		answer <- err
	}()
	<-arrived
	w.send(healthy(b), nil)
	reach(t, client, b)
	close(release)
	if err := <-answer; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestAnInstanceThatFailsAtOnceLosesItsShare(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Internal, codes.Unknown, codes.ResourceExhausted} {
		t.Run(code.String(), func(t *testing.T) {
			reg := registry.New()
			servers := fleet(t, reg, "a", "b", "c", "d")
			for _, s := range servers {
				s.behave(func(context.Context) error { time.Sleep(2 * time.Millisecond); return nil }) // it takes a while
			}
			client := dial(t, lb.Local(reg))
			reach(t, client, servers...)
			servers[0].behave(fails(code))
			if lost := crowd(t, client, 8, 1000); lost == 0 || lost > 60 {
				t.Errorf("%d of 1000 calls were lost, of 250 in turns", lost)
			}
		})
	}
}

func TestTheCircuitBreakerOfAnInstanceOpens(t *testing.T) {
	reg := registry.New()
	servers := fleet(t, reg, "a", "b")
	client := dial(t, lb.Local(reg), grpcresolver.WithStrategy("round-robin"),
		grpcresolver.WithBalancing(lb.WithBreaker(breaker.Config{ConsecutiveFailures: 3, OpenFor: time.Hour})))
	reach(t, client, servers...)
	servers[0].behave(fails(codes.Unavailable))
	if lost := crowd(t, client, 1, 100); lost != 3 {
		t.Errorf("%d calls were lost, with a threshold of 3", lost)
	}
	servers[1].behave(fails(codes.Internal))
	crowd(t, client, 1, 10)
	if _, err := call(t.Context(), client); status.Code(err) != codes.Unavailable {
		t.Errorf("with all of them open: %v", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := call(soon, client, grpc.WaitForReady(true)); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a call that was to wait: %v", err)
	}
}

func TestACallThatIsToWaitOutlastsAnOpenBreaker(t *testing.T) {
	reg := registry.New()
	servers := fleet(t, reg, "a", "b")
	client := dial(t, lb.Local(reg), grpcresolver.WithStrategy("round-robin"),
		grpcresolver.WithBalancing(lb.WithBreaker(breaker.Config{ConsecutiveFailures: 3, OpenFor: 300 * time.Millisecond})))
	reach(t, client, servers...)
	for _, s := range servers {
		s.behave(fails(codes.Internal))
	}
	crowd(t, client, 1, 10)
	for _, s := range servers {
		s.behave(func(context.Context) error { return nil })
	}
	var g sync.WaitGroup
	for range 5 {
		g.Go(func() {
			if _, err := call(t.Context(), client, grpc.WaitForReady(true)); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
}

// report is an ORCA report with one named metric.
func report(metric string, value float64) string {
	entry := protowire.AppendTag(nil, 1, protowire.BytesType)
	entry = protowire.AppendString(entry, metric)
	entry = protowire.AppendTag(entry, 2, protowire.Fixed64Type)
	entry = protowire.AppendFixed64(entry, math.Float64bits(value))
	message := protowire.AppendTag(nil, 8, protowire.BytesType)
	return string(protowire.AppendBytes(message, entry))
}

func TestAnInstanceThatReportsLoadGetsLess(t *testing.T) {
	reg := registry.New()
	servers := fleet(t, reg, "a", "b", "c")
	for i, s := range servers {
		inFlight := 1.0
		if i == 0 {
			inFlight = 50
		}
		s.behave(func(ctx context.Context) error {
			time.Sleep(2 * time.Millisecond) // it takes a while
			return grpc.SetTrailer(ctx, metadata.Pairs("endpoint-load-metrics-bin", report("in_flight", inFlight)))
		})
	}
	client := dial(t, lb.Local(reg))
	reach(t, client, servers...)
	before := servers[0].calls.Load()
	crowd(t, client, 8, 600)
	if n := servers[0].calls.Load() - before; n > 100 {
		t.Errorf("the loaded one got %d of 600 calls", n)
	}
}

func TestAnInstanceThatHangsIsNotDrawnAgainAndAgain(t *testing.T) { // grpc-java #12237
	for _, strategy := range []string{"adaptive", "p2c", "least-connections"} {
		t.Run(strategy, func(t *testing.T) {
			reg := registry.New()
			servers := fleet(t, reg, "a", "b", "c")
			client := dial(t, lb.Local(reg), grpcresolver.WithStrategy(strategy))
			for _, s := range servers {
				s.behave(func(context.Context) error { time.Sleep(time.Millisecond); return nil }) // it takes a while
			}
			reach(t, client, servers...)
			crowd(t, client, 20, 400) // so that all are known, and alike
			const callers = 20
			ctx, release := context.WithCancel(t.Context())
			var hanging, answered atomic.Int64
			all, enough := make(chan struct{}), make(chan struct{})
			servers[0].behave(func(context.Context) error {
				if hanging.Add(1) == callers {
					close(all)
				}
				<-ctx.Done()
				return nil
			})
			var g sync.WaitGroup
			for range callers {
				g.Go(func() {
					for ctx.Err() == nil {
						if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{}); err == nil && answered.Add(1) == 400 {
							close(enough)
						}
					}
				})
			}
			select {
			case <-enough:
			case <-all:
				t.Errorf("all callers hang on it, after %d calls were answered", answered.Load())
			}
			release()
			g.Wait()
		})
	}
}

func TestWhatIsKnownOfAnInstanceOutlivesChangesOfTheSet(t *testing.T) {
	reg := registry.New()
	servers := fleet(t, reg, "a", "b")
	client := dial(t, lb.Local(reg), grpcresolver.WithStrategy("round-robin"),
		grpcresolver.WithBalancing(lb.WithBreaker(breaker.Config{ConsecutiveFailures: 3, OpenFor: time.Hour})))
	reach(t, client, servers...)
	servers[0].behave(fails(codes.Unavailable))
	crowd(t, client, 1, 20)
	before := servers[0].calls.Load()
	for n := range 5 {
		reach(t, client, fleet(t, reg, fmt.Sprint("c", n))...)
		crowd(t, client, 1, 20)
	}
	if n := servers[0].calls.Load() - before; n != 0 {
		t.Errorf("an instance whose breaker is open got %d calls after others came", n)
	}
}
