package cluster

import (
	"context"
	"sync"
)

// duties are what a leader does for the whole cluster. They run under a context that ends with its leadership, and have
// ended before those of a next leadership begin. One goroutine begins and ends them.
type duties struct {
	stop    context.CancelFunc
	running sync.WaitGroup
}

func (d *duties) begin(ctx context.Context, all ...func(context.Context)) {
	d.end()
	ctx, d.stop = context.WithCancel(ctx)
	for _, duty := range all {
		d.running.Go(func() { duty(ctx) })
	}
}

// end stops the duties and waits for them. Without any it does nothing.
func (d *duties) end() {
	if d.stop != nil {
		d.stop()
		d.running.Wait()
		d.stop = nil
	}
}
