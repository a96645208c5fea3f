package grpcresolver_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/musterhq/muster/client/grpcresolver"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

const retries = `{"methodConfig":[{"name":[{}],"retryPolicy":{"maxAttempts":3,"initialBackoff":"0.001s","maxBackoff":"0.001s",
	"backoffMultiplier":1,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

func TestARetryGoesElsewhere(t *testing.T) {
	reg := registry.New()
	servers := fleet(t, reg, "a", "b", "c")
	conn := connect(t, lb.Local(reg), []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(grpcresolver.UnaryInterceptor),
		grpc.WithChainStreamInterceptor(grpcresolver.StreamInterceptor),
	}, grpcresolver.WithStrategy("random"), grpcresolver.WithServiceConfig(retries))
	client := healthpb.NewHealthClient(conn)
	reach(t, client, servers...)
	servers[0].behave(fails(codes.Unavailable))
	servers[1].behave(fails(codes.Unavailable))
	for range 100 {
		if _, err := call(t.Context(), client); err != nil {
			t.Fatalf("with one of three well, and three tries: %v", err)
		}
	}
	for range 30 {
		stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{}, healthpb.Health_Check_FullMethodName)
		if err == nil {
			err = stream.SendMsg(&healthpb.HealthCheckRequest{})
		}
		if err == nil {
			err = stream.CloseSend()
		}
		if err == nil {
			err = stream.RecvMsg(&healthpb.HealthCheckResponse{})
		}
		if err != nil {
			t.Fatalf("a stream: %v", err)
		}
	}
}

func TestARetryGoesToTheOnlyInstanceAgain(t *testing.T) {
	reg := registry.New()
	a := fleet(t, reg, "a")[0]
	conn := connect(t, lb.Local(reg), []grpc.DialOption{grpc.WithChainUnaryInterceptor(grpcresolver.UnaryInterceptor)},
		grpcresolver.WithServiceConfig(retries))
	client := healthpb.NewHealthClient(conn)
	reach(t, client, a)
	fail := true
	a.behave(func(ctx context.Context) error {
		fail = !fail
		if !fail {
			return fails(codes.Unavailable)(ctx)
		}
		return nil
	})
	if _, err := call(t.Context(), client); err != nil {
		t.Error(err)
	}
}

func TestACallWithAKeyGoesToTheSameInstance(t *testing.T) {
	reg := registry.New()
	servers := fleet(t, reg, "a", "b", "c", "d")
	conn := connect(t, lb.Local(reg), []grpc.DialOption{grpc.WithChainUnaryInterceptor(grpcresolver.UnaryInterceptor)},
		grpcresolver.WithStrategy("rendezvous"))
	client := healthpb.NewHealthClient(conn)
	reach(t, client, servers...)
	users := map[string]bool{}
	for _, key := range []string{"ann", "bob", "cem", "dan", "eve", "fay", "gus", "hal"} {
		ctx := grpcresolver.WithKey(t.Context(), key)
		first, err := call(ctx, client)
		if err != nil {
			t.Fatal(err)
		}
		users[first] = true
		for range 10 {
			if again, err := call(ctx, client); err != nil || again != first {
				t.Errorf("%s went to %s and then to %s: %v", key, first, again, err)
			}
		}
	}
	if len(users) < 2 {
		t.Error("all keys go to the same instance")
	}
}
