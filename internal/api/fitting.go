package api

import (
	"errors"

	"github.com/musterhq/muster/registry"
)

// errUnfitting says that an answer of success is JSON, and still none to what was asked.
var errUnfitting = errors.New("it does not say what was asked for")

// fitting is a call that knows an answer to it from other JSON, such as an error that something on the way has sent under the status
// of success. Without that, such an answer would be a node's word that a service has nobody left or that all leases are renewed.
func fitting[T any](r request, fits func(T) bool) Call[T] {
	r.fits = func(body any) bool {
		b, ok := body.(T)
		return ok && fits(b)
	}
	return Call[T]{r}
}

// instanceOf tells whether an answer is the instance that was asked for; without an id, one of its service.
func instanceOf(service, id string) func(registry.Instance) bool {
	return func(i registry.Instance) bool {
		return i.Service == service && i.ID != "" && (id == "" || i.ID == id)
	}
}
