package grpcresolver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// pause is how long a source that does not watch, or whose watch has ended, is left alone.
const pause = time.Second

// watch is the resolver of one connection: it follows a service and tells gRPC.
type watch struct {
	source     lb.Source
	service    string
	cc         resolver.ClientConn
	config     *serviceconfig.ParseResult
	attributes *attributes.Attributes
	known      bool // gRPC was told a set; only the goroutine looks at it

	cancel  context.CancelFunc
	running sync.WaitGroup
}

func (w *watch) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.running.Go(func() { w.follow(ctx) })
}

// Close ends the watch and waits for it.
func (w *watch) Close() {
	w.cancel()
	w.running.Wait()
}

// ResolveNow does nothing: a change is told as it happens, and asking sooner finds nothing newer.
func (w *watch) ResolveNow(resolver.ResolveNowOptions) {}

func (w *watch) follow(ctx context.Context) {
	watcher, watches := w.source.(lb.Watcher)
	for ctx.Err() == nil {
		if watches {
			w.listen(ctx, watcher)
		} else {
			w.poll(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// listen takes what the source yields. gRPC has a picker for each set before the source is asked for the next.
func (w *watch) listen(ctx context.Context, source lb.Watcher) {
	for snapshot, err := range source.Watch(ctx, w.service) {
		if err != nil {
			w.failed(ctx, err)
			continue
		}
		well := make([]registry.Instance, 0, len(snapshot.Instances))
		for i := range snapshot.Instances {
			if snapshot.Instances[i].Discoverable() {
				well = append(well, snapshot.Instances[i])
			}
		}
		var nobody error
		switch {
		case len(snapshot.Instances) == 0:
			nobody = fmt.Errorf("%w: %q", registry.ErrServiceNotFound, w.service)
		case len(well) == 0:
			nobody = fmt.Errorf("%w: none of the %d of service %q",
				registry.ErrNoHealthyInstances, len(snapshot.Instances), w.service)
		}
		w.tell(well, nobody)
	}
}

// poll asks once. What is discovered is well by definition.
func (w *watch) poll(ctx context.Context) {
	instances, err := w.source.Discover(ctx, w.service)
	switch {
	case errors.Is(err, registry.ErrServiceNotFound), errors.Is(err, registry.ErrNoHealthyInstances):
		w.tell(nil, err)
	case err != nil:
		w.failed(ctx, err)
	case len(instances) == 0:
		w.tell(nil, fmt.Errorf("%w: service %q", registry.ErrNoHealthyInstances, w.service))
	default:
		w.tell(instances, nil)
	}
}

// tell gives gRPC the set, and returns when the balancer has put its picker to use: gRPC runs the balancer before UpdateState
// returns. Its error only repeats what the balancer makes calls fail with.
func (w *watch) tell(well []registry.Instance, nobody error) {
	w.known = true
	state := resolver.State{Endpoints: endpoints(well), ServiceConfig: w.config, Attributes: w.attributes}
	if nobody != nil {
		state.Attributes = state.Attributes.WithValue(nobodyKey{}, nobody)
	}
	_ = w.cc.UpdateState(state)
}

// failed has calls fail while nothing is known yet. Later it changes nothing: the last set is the best there is.
func (w *watch) failed(ctx context.Context, err error) {
	if w.known || ctx.Err() != nil {
		return
	}
	w.cc.ReportError(fmt.Errorf("the instances of service %q are not known yet: %w", w.service, err))
}
