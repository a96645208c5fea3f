package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/registry"
)

// freshWithin is how long a node may take to tell of a service of which something is known: an old answer now is of more use
// than a new one later.
const freshWithin = time.Second

// Discover returns the healthy instances of a service that are not in maintenance, in the order of their ids.
//
// The first call asks a node and begins to watch the service, so that later calls are answered from memory; see
// [Config.Linger]. After a write of this client's own a node is asked until the watch has seen that write. When no node
// answers, the answer is what was known last: [Client.Age] says how old that is.
//
// The error is a [registry.ErrServiceNotFound] or a [registry.ErrNoHealthyInstances] where that is what the registry says.
// The slice is the caller's; what its instances point to is shared and must not be changed.
func (c *Client) Discover(ctx context.Context, service string) ([]registry.Instance, error) {
	if !registry.ValidName(service) {
		return nil, badName(service)
	}
	if c.isClosed() {
		return nil, ErrClosed
	}
	_, written := c.calls.Session()
	e, watched := c.table.use(service)
	if known := c.table.known(e, written); known != nil {
		return known.discover()
	}
	old := c.table.last(e)
	asking, cancel := ctx, func() {}
	if old != nil {
		asking, cancel = context.WithTimeout(ctx, freshWithin)
	}
	defer cancel()
	found, v, err := c.fetch(asking, service)
	switch {
	case err != nil && old != nil:
		return old.discover()
	case err != nil:
		return nil, err
	}
	if watched {
		c.table.seed(e, found, v)
	}
	return found.discover()
}

// DiscoverWith asks a node, never the cache, for the instances that the options choose: by default those of [Client.Discover].
// The session's guarantees hold for it, too.
func (c *Client) DiscoverWith(ctx context.Context, service string, options ...ReadOption) ([]registry.Instance, error) {
	if !registry.ValidName(service) {
		return nil, badName(service)
	}
	if c.isClosed() {
		return nil, ErrClosed
	}
	var q api.Query
	for _, option := range options {
		option(&q)
	}
	answer, err := api.Retry(ctx, c.calls, api.Discover(service, q))
	if err == nil || errors.Is(err, registry.ErrServiceNotFound) {
		c.table.show(service, answer.Cluster, answer.Index, answer.Body.Index)
	}
	if err != nil {
		return nil, err
	}
	instances := valuesOf(answer.Body.Instances)
	if len(instances) == 0 && q.Status == "" {
		return nil, noneHealthy(service)
	}
	return instances, nil
}

// Age tells for how long nobody has vouched for what [Client.Discover] answers from memory of a service. While the registry is
// there that is no more than the seconds between two signs of life; it grows while no node answers. It is false where nothing
// is known of the service.
func (c *Client) Age(service string) (time.Duration, bool) { return c.table.age(service) }

// fetch asks a node for all instances of a service. One that is not there has none, as of the index of the answer.
func (c *Client) fetch(ctx context.Context, service string) (*known, vouched, error) {
	began := time.Now()
	answer, err := api.Retry(ctx, c.calls, api.Discover(service, api.Query{Status: api.StatusAny}))
	v := vouched{at: answer.Index, when: began.Add(-answer.Age), cluster: answer.Cluster}
	switch {
	case err == nil:
		return newKnown(service, answer.Body.Index, answer.Body.Instances), v, nil
	case errors.Is(err, registry.ErrServiceNotFound) && answer.Index > 0:
		return newKnown(service, answer.Index, nil), v, nil
	default:
		return nil, v, err
	}
}

func valuesOf(instances []*registry.Instance) []registry.Instance {
	values := make([]registry.Instance, len(instances))
	for n, i := range instances {
		values[n] = *i
	}
	return values
}

func badName(service string) error {
	return fmt.Errorf("%w: %q is not the name of a service", registry.ErrInvalid, service)
}

func noneHealthy(service string) error {
	return fmt.Errorf("%w: service %q", registry.ErrNoHealthyInstances, service)
}
