package mesh

import (
	"context"
	"net/http"
)

// retryableKey is the key of a context whose calls may be sent more than once.
type retryableKey struct{}

// Retryable says of the calls made with ctx that the service does no harm when it gets them more than once, whatever
// their method. So they are retried as a GET is.
func Retryable(ctx context.Context) context.Context {
	return context.WithValue(ctx, retryableKey{}, true)
}

// repeatable tells whether a request may reach a service more than once: by its method, RFC 9110 section 9.2.2, or
// because the caller says so, with [Retryable] or the header Idempotency-Key.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	if len(req.Header["Idempotency-Key"]) > 0 || len(req.Header["X-Idempotency-Key"]) > 0 { // as net/http understands them
		return true
	}
	said, _ := req.Context().Value(retryableKey{}).(bool)
	return said
}
