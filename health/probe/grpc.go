package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// How much of an answer of grpc.health.v1 is read. It takes a few bytes.
const (
	maxMessage     = 4 << 10
	maxHeaders     = 16 << 10
	grpcBuffer     = 4 << 10
	grpcFlowWindow = 64 << 10
)

// askGRPC asks by grpc.health.v1. The connection is opened and secured here, by the same rules as for other checks and with
// errors that can be told apart, and lasts for one question.
func (p *Prober) askGRPC(ctx context.Context, t *Target, by time.Time) (Result, error) {
	ctx, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	dialled, err := p.dial(ctx, t, by, "h2")
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = dialled.Close() }()
	client, err := overConn(dialled, t)
	if err != nil {
		return impossible("the question can't be put: " + err.Error()), nil
	}
	defer func() { _ = client.Close() }()
	answer, err := health.NewHealthClient(client).Check(ctx, &health.HealthCheckRequest{Service: t.Check.GRPCService})
	if err != nil {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		return judgeCode(status.Code(err), t), nil
	}
	return judgeServing(answer.GetStatus()), nil
}

// overConn returns a client that has one connection and never opens another.
func overConn(conn net.Conn, t *Target) (*grpc.ClientConn, error) {
	var taken atomic.Bool
	return grpc.NewClient("passthrough:///"+t.hostPort(),
		grpc.WithTransportCredentials(secured{tls: t.Check.TLS}),
		grpc.WithAuthority(t.host()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			if taken.Swap(true) {
				return nil, errors.New("the connection of this question has ended")
			}
			return conn, nil
		}),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableHealthCheck(),
		grpc.WithDisableRetry(),
		grpc.WithIdleTimeout(0),
		grpc.WithUserAgent("muster"),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithReadBufferSize(grpcBuffer),
		grpc.WithWriteBufferSize(grpcBuffer),
		grpc.WithStaticStreamWindowSize(grpcFlowWindow),
		grpc.WithStaticConnWindowSize(grpcFlowWindow),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	)
}

// judgeServing judges what a server says of a service.
func judgeServing(s health.HealthCheckResponse_ServingStatus) Result {
	switch s {
	case health.HealthCheckResponse_SERVING:
		return passed("SERVING")
	case health.HealthCheckResponse_NOT_SERVING:
		return failed("NOT_SERVING")
	case health.HealthCheckResponse_SERVICE_UNKNOWN:
		return failed("SERVICE_UNKNOWN")
	default:
		return failed("it does not say whether it is SERVING")
	}
}

// judgeCode judges an answer that is an error. Its message is the server's own and not told.
func judgeCode(code codes.Code, t *Target) Result {
	switch code {
	case codes.Unimplemented:
		return failed("it does not have the service grpc.health.v1.Health (UNIMPLEMENTED)")
	case codes.NotFound:
		if t.Check.GRPCService == "" {
			return failed("it does not know how it is itself (NOT_FOUND)")
		}
		return failed(fmt.Sprintf("it knows no service %q (NOT_FOUND)", t.Check.GRPCService))
	case codes.Unavailable:
		return failed("it does not answer as a gRPC server does (UNAVAILABLE)")
	default:
		return failed(fmt.Sprintf("it answers with an error (%s)", code))
	}
}

// secured tells gRPC whether a connection that is handed to it is one of TLS, and leaves it as it is.
type secured struct{ tls bool }

func (s secured) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return conn, s, nil
}

func (s secured) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("this is for clients")
}

func (s secured) Info() credentials.ProtocolInfo {
	if s.tls {
		return credentials.ProtocolInfo{SecurityProtocol: "tls"}
	}
	return credentials.ProtocolInfo{SecurityProtocol: "insecure"}
}

func (s secured) AuthType() string { return s.Info().SecurityProtocol }

func (s secured) Clone() credentials.TransportCredentials { return s }

func (s secured) OverrideServerName(string) error { return nil }
