package grpcresolver_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/musterhq/muster/client/grpcresolver"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// A program that calls a service by its name. Client and server are traced by otelgrpc's handlers: one span a call, and the
// trace goes on in the server.
func Example() {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler()))
	healthpb.RegisterHealthServer(server, health.NewServer())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	reg := registry.New() // or a client of a cluster: client.New(client.Config{...})
	port := listener.Addr().(*net.TCPAddr).Port
	_, err = reg.Register(registry.Instance{Service: "payments", ID: "p1", Address: "127.0.0.1", Port: port})
	if err != nil {
		log.Fatal(err)
	}

	resolver, err := grpcresolver.New(lb.Local(reg))
	if err != nil {
		log.Fatal(err)
	}
	conn, err := grpc.NewClient("muster:///payments",
		grpc.WithResolvers(resolver),
		grpc.WithNoProxy(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()),
		grpc.WithChainUnaryInterceptor(grpcresolver.UnaryInterceptor),
		grpc.WithChainStreamInterceptor(grpcresolver.StreamInterceptor))
	if err != nil {
		log.Fatal(err)
	}
	answer, err := healthpb.NewHealthClient(conn).Check(context.Background(), &healthpb.HealthCheckRequest{})
	fmt.Println(answer.GetStatus(), err)

	if err := conn.Close(); err != nil {
		log.Fatal(err)
	}
	server.GracefulStop()
	if err := <-served; err != nil {
		log.Fatal(err)
	}
	// Output: SERVING <nil>
}
