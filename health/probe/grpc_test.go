package probe_test

import (
	"crypto/tls"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	pb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

// serveGRPC serves gRPC, and returns the address.
func serveGRPC(t *testing.T, options []grpc.ServerOption, register func(*grpc.Server)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	register(server)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

func TestAGRPCServerIsAskedHowItIs(t *testing.T) {
	about := health.NewServer()
	about.SetServingStatus("up", pb.HealthCheckResponse_SERVING)
	about.SetServingStatus("down", pb.HealthCheckResponse_NOT_SERVING)
	about.SetServingStatus("odd", pb.HealthCheckResponse_UNKNOWN)
	address := serveGRPC(t, nil, func(s *grpc.Server) { pb.RegisterHealthServer(s, about) })
	p := prober(t, probe.Config{})
	for service, want := range map[string]probe.Result{
		"":     {Verdict: probe.Passed, Output: "SERVING"},
		"up":   {Verdict: probe.Passed, Output: "SERVING"},
		"down": {Verdict: probe.Failed, Output: "NOT_SERVING"},
		"odd":  {Verdict: probe.Failed, Output: "it does not say whether it is SERVING"},
		"none": {Verdict: probe.Failed, Output: `it knows no service "none" (NOT_FOUND)`},
	} {
		expect(t, p, at(t, address, registry.Check{Type: registry.CheckGRPC, GRPCService: service}), want.Verdict, want.Output)
	}
}

func TestAServerThatDoesNotSayHowItIsFails(t *testing.T) {
	p := prober(t, probe.Config{})
	c := registry.Check{Type: registry.CheckGRPC}
	mute := serveGRPC(t, nil, func(*grpc.Server) {})
	expect(t, p, at(t, mute, c), probe.Failed, "it does not have the service grpc.health.v1.Health (UNIMPLEMENTED)")
	expect(t, p, at(t, refused(t), c), probe.Failed, "connection refused")
	closing := listen(t, func(conn net.Conn) { _ = conn.Close() })
	expect(t, p, at(t, closing, c), probe.Failed, "it does not answer as a gRPC server does (UNAVAILABLE)")
	web := serve(t, nil)
	expect(t, p, at(t, web, c), probe.Failed, "it does not answer as a gRPC server does (UNAVAILABLE)")
}

func TestAGRPCServerIsAskedOverTLS(t *testing.T) {
	lent := httptest.NewTLSServer(nil) // for its certificate
	defer lent.Close()
	creds := credentials.NewTLS(&tls.Config{Certificates: lent.TLS.Certificates})
	address := serveGRPC(t, []grpc.ServerOption{grpc.Creds(creds)}, func(s *grpc.Server) { pb.RegisterHealthServer(s, health.NewServer()) })
	p := prober(t, probe.Config{})
	c := registry.Check{Type: registry.CheckGRPC, TLS: true, Timeout: registry.Duration(10 * time.Second)} // for two handshakes on a busy machine
	expect(t, p, at(t, address, c), probe.Failed, "TLS: its certificate comes from an authority that is not known here")
	c.TLSSkipVerify = true
	expect(t, p, at(t, address, c), probe.Passed, "SERVING")
}
