package lb

import (
	"errors"
	"fmt"
	"strings"

	"github.com/musterhq/muster/registry"
)

// The errors of a balancer, beside [registry.ErrServiceNotFound], [registry.ErrNoHealthyInstances] and [breaker.ErrOpen].
var (
	ErrAllTried = errors.New("all instances were tried")
	ErrClosed   = errors.New("the balancer is closed")
	ErrInvalid  = errors.New("invalid setting of a balancer")
)

func unknownStrategy(name string) error {
	return fmt.Errorf("%w: there is no strategy %q: use one of %s", ErrInvalid, name, strings.Join(Strategies(), ", "))
}

func invalid(setting, reason string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrInvalid, setting, fmt.Sprintf(reason, args...))
}

func serviceNotFound(name string) error {
	return fmt.Errorf("%w: %q", registry.ErrServiceNotFound, name)
}

func noHealthyInstances(name string, registered int) error {
	return fmt.Errorf("%w: none of the %d of service %q", registry.ErrNoHealthyInstances, registered, name)
}
