package mesh

import "context"

// stickyKey is the key of a context that carries the key of its calls.
type stickyKey struct{}

// WithKey gives the calls made with ctx a key for the strategies that choose by one: with "rendezvous", calls with the
// same key go to the same instance while there is no reason against it.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, stickyKey{}, key)
}

func keyOf(ctx context.Context) string {
	key, _ := ctx.Value(stickyKey{}).(string)
	return key
}
