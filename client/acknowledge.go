package client

import (
	"context"
	"errors"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/registry"
)

// mostAckPause is the longest pause before a confirmation is sent again that did not arrive: drains wait for it.
const mostAckPause = 2 * time.Second

// acknowledge confirms what has been applied until ctx ends. It sends one confirmation at a time, always the newest, so that
// it never holds the stream up.
func (c *Client) acknowledge(ctx context.Context) {
	var watch string
	var confirmed uint64
	failures := 0
	for {
		select {
		case <-c.table.acks:
		case <-ctx.Done():
			return
		}
		node, id, index := c.table.confirmable()
		if id != watch {
			watch, confirmed, failures = id, 0, 0
		}
		if id == "" || index <= confirmed {
			continue
		}
		err := api.Acknowledge(ctx, c.calls, node, id, index)
		switch {
		case err == nil:
			confirmed, failures = index, 0
		case errors.Is(err, registry.ErrCheckNotFound) || errors.Is(err, fault.ErrConflict):
			// The stream has ended, and the next one begins with a confirmation of its own.
		default:
			if !pause.For(ctx, backoff(failures, mostAckPause)) {
				return
			}
			failures++
			ring(c.table.acks)
		}
	}
}

// endPatience is how long a node is given to hear that a watch is over. One that does not hear it waits, with drains, for a watch
// that seems to have broken off.
const endPatience = time.Second

// endWatch tells the node of the stream that nobody acts any more on what comes over it.
func (c *Client) endWatch() {
	node, watch, _ := c.table.confirmable()
	if watch == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), endPatience)
	defer cancel()
	if err := api.EndWatch(ctx, c.calls, node, watch); err != nil {
		c.config.Logger.Debug("the registry was not told that the watch is over", "node", node, "error", err)
	}
}

// confirmable is up to which index everything has been applied by all who watch, for the watch that is to be told.
func (t *table) confirmable() (node, watch string, index uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.segment
	if s == nil {
		return "", "", 0
	}
	index = s.sent
	if owed := t.owed(); owed > 0 {
		index = min(index, owed-1)
	}
	return s.node, s.watch, index
}
