package client

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// gather is how long those who begin to watch are waited for, so that the stream is opened once for many.
	gather = 20 * time.Millisecond

	// fetchAgain is how long to wait before services are fetched again that no node could tell of.
	fetchAgain = time.Second

	// justSeen is how long what a node told of a service is new enough for the stream to go on from there.
	justSeen = 5 * time.Second

	// atOnce is how many services are fetched at the same time.
	atOnce = 8

	// remember is how long a service that the stream no longer carries is still remembered, in case that no node answers.
	remember = time.Hour
)

// roster decides which services the stream carries, until ctx ends. A service that joins a stream which has begun is fetched
// first, so that the stream can go on where it was.
func (c *Client) roster(ctx context.Context) {
	sweep := time.NewTicker(max(c.config.Linger/4, gather))
	defer sweep.Stop()
	for {
		select {
		case <-c.table.wanted:
		case <-sweep.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(gather):
		case <-ctx.Done():
			return
		}
		if again := c.admit(ctx); again {
			select {
			case <-time.After(fetchAgain/2 + rand.N(fetchAgain)):
				ring(c.table.wanted)
			case <-ctx.Done():
				return
			}
		}
	}
}

// admit has services join and leave the stream. It tells whether some that should have joined could not.
func (c *Client) admit(ctx context.Context) (again bool) {
	joined, missing, left := c.table.review(ctx)
	failed := false
	var mu sync.Mutex
	var fetching sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, e := range missing {
		fetching.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			k, v, err := c.fetch(ctx, e.service)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = true
				return
			}
			c.table.seed(e, k, v)
			joined = append(joined, e)
		})
	}
	fetching.Wait()
	if left && len(joined) == 0 && !c.table.carries() {
		c.endWatch() // It does not break off: a drain need not wait for one that nobody listens to.
	}
	if len(joined) > 0 || left {
		c.table.admit(ctx, joined)
		ring(c.opened)
	}
	return failed
}

// review finds the services that may join as they are, and those that must be fetched first; those that nobody has used for
// long leave. A stream that is not under way yet begins with everything, so nothing needs to be fetched for it.
func (t *table) review(ctx context.Context) (ready, missing []*entry, left bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	begun := false
	for name, e := range t.entries {
		idle := time.Since(e.used)
		unused := len(e.consumers) == 0 && idle > t.linger
		switch {
		case unused && e.joined:
			e.joined, e.covered, left = false, false, true
		case unused && idle > t.linger+remember:
			delete(t.entries, name)
		}
		begun = begun || (e.joined && e.seen.at > 0)
	}
	for _, e := range t.entries {
		if e.joined || (len(e.consumers) == 0 && time.Since(e.used) > t.linger) {
			continue
		}
		if begun && time.Since(e.seen.when) > justSeen {
			missing = append(missing, e)
		} else {
			ready = append(ready, e)
		}
	}
	if !begun && len(ready) > 0 {
		for _, e := range ready {
			e.joined = true
		}
		t.reopen(ctx) // at once, so that no segment begins in the meantime that they would have to be fetched for
	}
	return ready, missing, left
}

// carries tells whether there is a service that the stream is to carry.
func (t *table) carries() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.entries {
		if e.joined {
			return true
		}
	}
	return false
}

// admit opens the stream anew with the services that have joined.
func (t *table) admit(ctx context.Context, joined []*entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range joined {
		e.joined = true
	}
	t.reopen(ctx)
}
