package grpcresolver

import (
	"context"

	"google.golang.org/grpc"

	"github.com/musterhq/muster/lb"
)

// mark is what a call's context says to the balancer.
type mark struct {
	key   string
	tried *lb.Tried
}

type markKey struct{}

// markOf returns what the context says; nil where it says nothing.
func markOf(ctx context.Context) *mark {
	m, _ := ctx.Value(markKey{}).(*mark)
	return m
}

func (m *mark) query() lb.Query {
	if m == nil {
		return lb.Query{}
	}
	return lb.Query{Key: m.key, Tried: m.tried}
}

// WithKey has the strategy rendezvous choose the instance by the key, such as a user's id: calls with the same key go to the
// same one.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, markKey{}, &mark{key: key})
}

// elsewhere is the context of one call, whose tries go to different instances.
func elsewhere(ctx context.Context) context.Context {
	m := &mark{tried: &lb.Tried{}}
	if outer := markOf(ctx); outer != nil {
		m.key = outer.key
	}
	return context.WithValue(ctx, markKey{}, m)
}

// UnaryInterceptor has gRPC's retries of a call go to instances that the call has not been to yet, while there are any. gRPC does
// not tell a balancer that two picks are tries of one call, so it takes this, with
// [google.golang.org/grpc.WithChainUnaryInterceptor].
func UnaryInterceptor(
	ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	return invoker(elsewhere(ctx), method, req, reply, cc, opts...)
}

// StreamInterceptor is [UnaryInterceptor] for streams, with [google.golang.org/grpc.WithChainStreamInterceptor].
func StreamInterceptor(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return streamer(elsewhere(ctx), desc, cc, method, opts...)
}
