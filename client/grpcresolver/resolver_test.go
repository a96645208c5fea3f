package grpcresolver_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/musterhq/muster/client/grpcresolver"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

func TestCallsAreSpreadOverTheInstances(t *testing.T) {
	for _, strategy := range []string{"adaptive", "round-robin", "least-connections", "weighted"} {
		t.Run(strategy, func(t *testing.T) {
			reg := registry.New()
			servers := fleet(t, reg, "a", "b", "c")
			client := dial(t, lb.Local(reg), grpcresolver.WithStrategy(strategy))
			reach(t, client, servers...)
			for _, s := range servers {
				s.behave(func(context.Context) error { time.Sleep(time.Millisecond); return nil }) // it takes a while
			}
			crowd(t, client, 16, 800)
			for _, s := range servers {
				if n := s.calls.Load(); n < 80 {
					t.Errorf("%s got %d of 800 calls", s.id, n)
				}
			}
		})
	}
}

// wantUnavailable checks that a call that does not wait fails with all of the words.
func wantUnavailable(t *testing.T, client healthpb.HealthClient, words ...string) {
	t.Helper()
	_, err := call(t.Context(), client)
	if status.Code(err) != codes.Unavailable {
		t.Fatalf("the call ended with %v, not as unavailable", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not say %q", err, w)
		}
	}
}

func TestAServiceThatIsNotThereIsUnavailableUntilItComes(t *testing.T) {
	reg := registry.New()
	client := dial(t, lb.Local(reg))
	wantUnavailable(t, client, "payments", "not found")

	patient := make(chan error)
	go func() {
		_, err := call(context.Background(), client, grpc.WaitForReady(true))
		patient <- err
	}()
	fleet(t, reg, "a")
	if err := <-patient; err != nil {
		t.Errorf("a call that waits for ready failed: %v", err)
	}
}

func TestAServiceWithoutHealthyInstancesIsUnavailable(t *testing.T) {
	reg := registry.New()
	s := start(t, "a")
	if _, err := reg.Register(s.instance()); err != nil {
		t.Fatal(err)
	}
	if err := reg.Report("payments", "a", "", registry.Report{Status: registry.Unhealthy}); err != nil {
		t.Fatal(err)
	}
	wantUnavailable(t, dial(t, lb.Local(reg)), "none of the 1", "payments")
}

func TestARegistryThatFailsChangesNothingOnceTheServiceIsKnown(t *testing.T) {
	a := start(t, "a")
	w := newWire()
	conn := connect(t, w, nil)
	client := healthpb.NewHealthClient(conn)
	conn.Connect()
	w.send(nil, errors.New("the registry is down"))
	wantUnavailable(t, client, "payments", "not known yet", "the registry is down")

	w.send(healthy(a), nil)
	reach(t, client, a)
	w.send(nil, errors.New("the registry is down"))
	for range 20 {
		if _, err := call(t.Context(), client); err != nil {
			t.Fatalf("with the registry down: %v", err)
		}
	}
}

func TestAnEmptySetIsTakenAsSuch(t *testing.T) {
	a := start(t, "a")
	w := newWire()
	conn := connect(t, w, nil)
	client := healthpb.NewHealthClient(conn)
	conn.Connect()
	w.send(healthy(a), nil)
	reach(t, client, a)
	w.send(nil, nil)
	wantUnavailable(t, client, "not found", "payments")
	if s := conn.GetState(); s != connectivity.TransientFailure {
		t.Errorf("the connection's state is %v", s)
	}
	w.send(healthy(a), nil)
	reach(t, client, a)
}

func TestASourceThatDoesNotWatchIsPolled(t *testing.T) {
	a := start(t, "a")
	client := dial(t, asked{instances: []registry.Instance{{Service: "payments", Address: "127.0.0.1", Port: a.port}}})
	reach(t, client, a)
	wantUnavailable(t, dial(t, asked{err: registry.ErrNoHealthyInstances}), "no healthy")
	wantUnavailable(t, dial(t, asked{}), "no healthy", "payments")
	wantUnavailable(t, dial(t, asked{err: errors.New("no route")}), "not known yet", "no route")
}

type asked struct {
	instances []registry.Instance
	err       error
}

func (a asked) Discover(context.Context, string) ([]registry.Instance, error) {
	return a.instances, a.err
}

func TestATargetThatNamesNoServiceIsAnError(t *testing.T) {
	r, err := grpcresolver.New(lb.Local(registry.New()))
	if err != nil {
		t.Fatal(err)
	}
	for target, words := range map[string]string{
		"muster:///":                "no service",
		"muster://registry/payment": "names a host",
		"muster:///.hidden":         "can't be the name",
		"muster:///pay%20ments":     "can't be the name",
		"muster:///payments?tag=v2": "has a query",
	} {
		conn, err := grpc.NewClient(target, grpc.WithResolvers(r), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err == nil {
			_, err = call(t.Context(), healthpb.NewHealthClient(conn))
			_ = conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "muster:///SERVICE") {
			t.Errorf("%s: %v does not say %q and how to write it", target, err, words)
		}
	}
}

func TestSettingsThatMakeNoSenseAreErrors(t *testing.T) {
	source := lb.Local(registry.New())
	for name, o := range map[string]grpcresolver.Option{
		"strategy":  grpcresolver.WithStrategy("best"),
		"balancing": grpcresolver.WithBalancing(lb.WithPanicThreshold(2)),
		"json":      grpcresolver.WithServiceConfig("{"),
		"balancer":  grpcresolver.WithServiceConfig(`{"loadBalancingConfig":[{"pick_first":{}}]}`),
	} {
		if _, err := grpcresolver.New(source, o); !errors.Is(err, lb.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if err := grpcresolver.Register(source, o); !errors.Is(err, lb.ErrInvalid) {
			t.Errorf("%s, registered: %v", name, err)
		}
	}
}

func TestAnotherResolverForTheBalancerIsAnError(t *testing.T) {
	conn, err := grpc.NewClient("passthrough:///127.0.0.1:1", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"muster":{"strategy":"p2c"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	wantUnavailable(t, healthpb.NewHealthClient(conn), "not from the muster resolver", "WithNoProxy")

	for _, wrong := range []string{`{"strategy":"best"}`, `{"strateggy":"p2c"}`} {
		c, err := grpc.NewClient("passthrough:///127.0.0.1:1", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"muster":`+wrong+`}]}`))
		if err == nil {
			_ = c.Close()
			t.Errorf("the config %s was taken", wrong)
		}
	}
}

// soon is how quickly a change must show; it was moments, on a busy machine.
const soon = 2 * time.Second

func TestAChangeShowsWithinMoments(t *testing.T) { // crossplane #7585, grpc-go #1663: DNS is asked again when a connection breaks
	reg := registry.New()
	servers := fleet(t, reg, "a", "b")
	client := dial(t, lb.Local(reg), grpcresolver.WithStrategy("round-robin"))
	reach(t, client, servers...)

	began := time.Now()
	reach(t, client, fleet(t, reg, "c")...)
	if took := time.Since(began); took > soon {
		t.Errorf("a new instance got its first call after %v", took)
	}

	if err := reg.Deregister("payments", "a"); err != nil {
		t.Fatal(err)
	}
	last := time.Now()
	for began := last; time.Since(began) < 200*time.Millisecond; {
		before := servers[0].calls.Load()
		if _, err := call(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		if servers[0].calls.Load() != before {
			last = time.Now()
		}
	}
	if time.Since(last) < 100*time.Millisecond {
		t.Error("an instance that was removed still gets calls")
	}
}

func TestAnInstanceWithoutAConnectionIsNotPicked(t *testing.T) {
	a, b := start(t, "a"), start(t, "b")
	b.Stop()
	w := newWire()
	conn := connect(t, w, nil, grpcresolver.WithStrategy("round-robin"))
	client := healthpb.NewHealthClient(conn)
	conn.Connect()
	w.send(healthy(a, b), nil)
	reach(t, client, a)
	began := time.Now()
	for range 50 {
		if _, err := call(t.Context(), client, grpc.WaitForReady(true)); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > soon {
		t.Errorf("50 calls took %v: some waited for a connection", took)
	}
}
