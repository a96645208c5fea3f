package client

import (
	"context"
	"sync"

	"github.com/musterhq/muster/internal/api"
)

// Client is a client of one cluster. Any number of goroutines may use it, and one is enough for a program: all that it watches
// comes over one stream.
type Client struct {
	config Config
	calls  *api.Client
	table  *table

	opened  chan struct{}   // the stream is to be opened anew
	closed  <-chan struct{} // by Close
	end     context.CancelFunc
	running sync.WaitGroup

	registrations *registrations
}

// New makes a client. It makes no call: the registry may be down.
func New(config Config) (*Client, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	calls, err := api.NewWith(api.Options{
		Addresses: config.Addrs, Scatter: !config.InOrder, Session: true,
		Token: config.Token, Timeout: config.Timeout, Transport: config.Transport,
	})
	if err != nil {
		return nil, err
	}
	c := &Client{config: config, calls: calls, table: newTable(config.Linger), opened: make(chan struct{}, 1)}
	c.registrations = newRegistrations(calls, config.Logger)
	ctx, end := context.WithCancel(context.Background()) // it ends with Close
	c.closed, c.end = ctx.Done(), end
	if config.CacheFile != "" {
		c.recall()
		c.running.Go(func() { c.remember(ctx) })
	}
	c.running.Go(func() { api.Maintain(ctx, calls) })
	c.running.Go(func() { c.roster(ctx) })
	c.running.Go(func() { c.stream(ctx) })
	c.running.Go(func() { c.acknowledge(ctx) })
	return c, nil
}

// isClosed tells whether [Client.Close] was called.
func (c *Client) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// Close ends everything that the client does and returns when it is done; no goroutine stays. Watches end with [ErrClosed]. It
// deregisters nothing: heartbeats end, and leases run out. Nobody who drains an instance waits for this client from now on, so
// what chooses instances by its word has to be closed before. The error is always nil.
func (c *Client) Close() error {
	c.registrations.close()
	c.endWatch()
	c.end()
	c.running.Wait()
	c.calls.Close()
	return nil
}
