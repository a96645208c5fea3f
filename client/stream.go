package client

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// errReplaced ends a segment of the stream in whose place another one was wanted.
var errReplaced = errors.New("the stream is opened anew")

// segment is the stream from one opening to the next: the services that it carries do not change.
type segment struct {
	services []string
	carries  map[string]*entry
	from     api.Position
	least    uint64 // the newest index at which one of the services is known

	ctx context.Context //nolint:containedctx // it is the time of the segment: whoever opens the next one ends it
	end context.CancelFunc

	// Where and under which id it is confirmed what was applied, and up to which id anything was sent.
	node, watch string
	sent        uint64
	pending     []event
}

// reopen has the stream opened anew with the services that have joined. Callers hold the lock.
func (t *table) reopen(ctx context.Context) {
	if t.segment != nil {
		t.segment.end()
	}
	s := &segment{carries: map[string]*entry{}}
	s.ctx, s.end = context.WithCancel(ctx)
	for name, e := range t.entries {
		if e.joined {
			s.services, s.carries[name] = append(s.services, name), e
		}
	}
	slices.Sort(s.services)
	if len(s.services) == 0 {
		t.lost = nil // Nobody is asked any more, so that nobody would find out who answers again.
	}
	t.segment = s
	t.position(s)
}

// position finds where a segment goes on: at the lowest index at which one of its services is known.
func (t *table) position(s *segment) {
	s.from, s.least = api.Position{}, 0
	for _, e := range s.carries {
		if e.seen.at == 0 || e.known == nil {
			s.from = api.Position{}
			return
		}
		if !s.from.Known || e.seen.at < s.from.Index {
			s.from = api.Position{Known: true, Index: e.seen.at, Cluster: e.seen.cluster}
		}
		s.least = max(s.least, e.seen.at)
	}
}

// begin prepares the try of a segment at another node: after what has been applied by now, in the session's cluster. What is
// known of another cluster is forgotten. A segment that goes on from nowhere shows no less than the session has seen.
func (t *table) begin(s *segment, cluster string, seen uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.pending, s.watch, s.sent = nil, "", 0
	for name, e := range s.carries {
		if cluster != "" && e.seen.cluster != "" && e.seen.cluster != cluster {
			t.forget([]string{name})
			e.seen.cluster = cluster
		}
	}
	t.position(s)
	if !s.from.Known {
		s.from.Cluster, s.least = cluster, seen
	}
}

// stream keeps the stream open until ctx ends.
func (c *Client) stream(ctx context.Context) {
	f := api.NewFollower(c.calls, api.Watching{Ack: c.config.Name})
	for ctx.Err() == nil {
		s := c.table.current()
		if s == nil || len(s.services) == 0 {
			select {
			case <-c.opened:
			case <-ctx.Done():
			}
			continue
		}
		cluster, seen := c.calls.Seen()
		c.table.begin(s, cluster, seen)
		f.Watching.Services, f.At, f.Watching.MinIndex = s.services, s.from, s.least
		err := f.Once(s.ctx, func(e wire.Event) error { return c.take(f, s, e) })
		if s.ctx.Err() != nil || errors.Is(err, errReplaced) {
			continue
		}
		c.config.Logger.Debug("the watch is interrupted", "node", f.Node(), "error", err)
		if f.Lost() || f.Lasting(err) {
			c.table.lose(err)
			if errors.Is(err, fault.ErrIndexNotReached) {
				c.doubt(s)
			}
		}
		select {
		case <-time.After(f.Pause()):
		case <-s.ctx.Done():
		}
	}
}

// doubt asks a majority whether there still is what no node has: a registry that was set back would never reach it, and never
// be watched again. If it is gone, the segment begins anew.
func (c *Client) doubt(s *segment) {
	answer, err := api.Do(s.ctx, c.calls, api.Discover(s.services[0], api.Query{Status: api.StatusAny, Linearizable: true}))
	if err != nil && !errors.Is(err, registry.ErrServiceNotFound) {
		return
	}
	if answer.Index == 0 || answer.Index >= s.least || answer.Cluster != s.from.Cluster {
		return
	}
	c.config.Logger.Warn("the registry was set back", "index", answer.Index, "seen", s.least)
	c.calls.Forget(answer.Index)
	c.table.mu.Lock()
	defer c.table.mu.Unlock()
	c.table.forget(s.services)
}

// take keeps an event until its set is whole, and then applies that.
func (c *Client) take(f *api.Follower, s *segment, e wire.Event) error {
	if e.Event == wire.EventHello {
		var hello wire.Hello
		if err := json.Unmarshal(e.Data, &hello); err != nil {
			return err
		}
		c.table.greeted(s, f.Node(), hello.Watch)
		return nil
	}
	read, err := readEvent(e)
	if err != nil {
		return err
	}
	s.pending = append(s.pending, read)
	if e.ID == nil {
		return nil
	}
	set := s.pending
	s.pending = nil
	reset, err := c.table.apply(s, *e.ID, f.At.Cluster, set)
	if err != nil {
		return err
	}
	if reset {
		c.config.Logger.Warn("the registry has begun a new history", "index", *e.ID)
		c.calls.Forget(*e.ID)
	}
	c.calls.Saw(f.At.Cluster, *e.ID)
	return nil
}

func (t *table) current() *segment {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.segment
}

func (t *table) greeted(s *segment, node, watch string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.node, s.watch = node, watch
}
