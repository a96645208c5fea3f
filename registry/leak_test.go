package registry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhoHasGoneLeavesNothingBehind looks inside: what is left there would never be missed from outside, only add up.
func TestWhoHasGoneLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPublisher(NewState())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 10 {
			for _, service := range []string{"a", "b"} {
				go func() {
					for range p.Watch(ctx, service) {
					}
				}()
			}
			go func() { _ = p.Await(ctx, 7) }()
		}
		all, several := p.SubscribeAll(), p.Subscribe("a", "c", "c")
		synctest.Wait()
		if got, want := p.census(), (census{services: 3, subscriptions: 22, toAll: 1, waiting: 10, pending: true}); got != want {
			t.Fatalf("there are %+v, want %+v", got, want)
		}

		all.Close()
		several.Close()
		several.Close()
		<-ctx.Done()
		synctest.Wait()
		if got := p.census(); got != (census{}) {
			t.Errorf("left behind: %+v", got)
		}
	})
}

// census counts who is on the books of a Publisher.
type census struct {
	services, subscriptions, toAll, waiting int
	pending                                 bool
}

func (p *Publisher) census() census {
	p.subscriptions.mu.Lock()
	defer p.subscriptions.mu.Unlock()
	p.waiters.mu.Lock()
	defer p.waiters.mu.Unlock()
	c := census{
		services: len(p.subscriptions.byService),
		toAll:    len(p.subscriptions.all),
		waiting:  len(p.waiters.queue),
		pending:  p.waiters.pending.Load(),
	}
	for _, set := range p.subscriptions.byService {
		c.subscriptions += len(set)
	}
	return c
}
