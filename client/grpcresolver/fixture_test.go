package grpcresolver_test

import (
	"context"
	"errors"
	"iter"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"github.com/musterhq/muster/client/grpcresolver"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an instance that answers health checks, the service of these tests.
type server struct {
	healthpb.UnimplementedHealthServer
	*grpc.Server

	id, address string
	port        int
	calls       atomic.Int64
	conduct     atomic.Pointer[func(context.Context) error] // nil: it just answers
}

func (s *server) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	s.calls.Add(1)
	if conduct := s.conduct.Load(); conduct != nil {
		if err := (*conduct)(ctx); err != nil {
			return nil, err
		}
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

func (s *server) behave(conduct func(context.Context) error) { s.conduct.Store(&conduct) }

func (s *server) instance() registry.Instance {
	return registry.Instance{
		Service: "payments", ID: s.id, Address: "127.0.0.1", Port: s.port,
	}
}

// start starts an instance that nobody knows of yet.
func start(t testing.TB, id string) *server {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	s := &server{Server: grpc.NewServer(), id: id, address: listener.Addr().String()}
	s.port, _ = strconv.Atoi(port)
	healthpb.RegisterHealthServer(s.Server, s)
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(listener) })
	t.Cleanup(func() { s.Stop(); serving.Wait() })
	return s
}

// enlist registers instances in a state that is discovered.
func enlist(t testing.TB, reg *registry.Registry, servers ...*server) {
	t.Helper()
	for _, s := range servers {
		if _, err := reg.Register(s.instance()); err != nil {
			t.Fatal(err)
		}
		if err := reg.Report("payments", s.id, "", registry.Report{Status: registry.Healthy}); err != nil {
			t.Fatal(err)
		}
	}
}

// fleet starts and registers so many.
func fleet(t testing.TB, reg *registry.Registry, ids ...string) []*server {
	t.Helper()
	var servers []*server
	for _, id := range ids {
		servers = append(servers, start(t, id))
	}
	enlist(t, reg, servers...)
	return servers
}

// dial makes a client of payments.
func dial(t testing.TB, source lb.Source, opts ...grpcresolver.Option) healthpb.HealthClient {
	t.Helper()
	return healthpb.NewHealthClient(connect(t, source, nil, opts...))
}

func connect(t testing.TB, source lb.Source, dialing []grpc.DialOption, opts ...grpcresolver.Option) *grpc.ClientConn {
	t.Helper()
	r, err := grpcresolver.New(source, opts...)
	if err != nil {
		t.Fatal(err)
	}
	dialing = append(dialing, grpc.WithResolvers(r), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	conn, err := grpc.NewClient("muster:///payments", dialing...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call makes one call and says who answered, or would have.
func call(ctx context.Context, client healthpb.HealthClient, opts ...grpc.CallOption) (address string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var p peer.Peer
	_, err = client.Check(ctx, &healthpb.HealthCheckRequest{}, append(opts, grpc.Peer(&p))...)
	if p.Addr != nil {
		address = p.Addr.String()
	}
	return address, err
}

// reach calls until each of the servers has answered: there is a connection to all.
func reach(t testing.TB, client healthpb.HealthClient, servers ...*server) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for seen := map[string]bool{}; ; {
		address, _ := call(t.Context(), client, grpc.WaitForReady(true))
		seen[address] = true
		missing := 0
		for _, s := range servers {
			if !seen[s.address] {
				missing++
			}
		}
		if missing == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d instances got no call within 10 s", missing, len(servers))
		}
	}
}

// wire is a source whose snapshots a test sends one by one. Each send returns when the next is asked for.
type wire struct {
	events chan event
	asked  chan struct{}
}

type event struct {
	instances []registry.Instance
	err       error
}

func newWire() *wire { return &wire{events: make(chan event), asked: make(chan struct{})} }

func (w *wire) send(instances []registry.Instance, err error) {
	w.events <- event{instances, err}
	<-w.asked
}

func (w *wire) Discover(context.Context, string) ([]registry.Instance, error) {
	return nil, errors.New("this source is watched")
}

func (w *wire) Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error] {
	return func(yield func(registry.Snapshot, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-w.events:
				if !yield(registry.Snapshot{Service: service, Instances: e.instances}, e.err) {
					return
				}
				select {
				case w.asked <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
		}
	}
}

// healthy are the servers' instances as a registry lists them.
func healthy(servers ...*server) (list []registry.Instance) {
	for _, s := range servers {
		i := s.instance()
		i.Status = registry.Healthy
		list = append(list, i)
	}
	return list
}
