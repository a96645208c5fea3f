package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
)

// step is one thing that happens to a registry of several nodes, or to its client.
type step struct {
	What    string
	Service string
	ID      string
	Node    int
	Number  int
}

var happenings = []string{
	"put", "put", "put", "put", "sick", "remove", "remove", // to the registry
	"hold", "release", "drop", "break", "mend", // to a node: it lags, loses its connections, breaks streams off
	"discover", "fetch", "fetch", "watch", "leave", // by the client
	"pass", "pass", "passes", // time
}

var (
	storyServices = []string{"a", "b", "c", "d"}
	storyIDs      = []string{"1", "2", "3"}
)

func steps() *rapid.Generator[[]step] {
	one := rapid.Custom(func(r *rapid.T) step {
		return step{
			What: rapid.SampledFrom(happenings).Draw(r, "what"), Service: rapid.SampledFrom(storyServices).Draw(r, "service"),
			ID: rapid.SampledFrom(storyIDs).Draw(r, "id"), Node: rapid.IntRange(0, 2).Draw(r, "node"), Number: rapid.IntRange(1, 5).Draw(r, "number"),
		}
	})
	return rapid.SliceOfN(one, 10, 60)
}

// observed is a client that is told a story, and what must never be seen of it.
type observed struct {
	world *world
	nodes []*node
	c     *Client
	ctx   context.Context //nolint:containedctx // of the story
	leave map[string]context.CancelFunc
	wrong []error
	seen  map[string]uint64
}

// do makes a step.
func (o *observed) do(s step) {
	n := o.nodes[s.Node]
	switch s.What {
	case "put":
		o.world.put(s.Service, s.ID, registry.Healthy)
	case "sick":
		o.world.put(s.Service, s.ID, registry.Unhealthy)
	case "remove":
		o.world.remove(s.Service, s.ID)
	case "hold", "release":
		n.hold(s.What == "hold")
	case "drop":
		n.CloseClientConnections()
	case "break":
		n.breaksAfter(s.Number)
	case "mend":
		n.breaksAfter(0)
	case "discover":
		ctx, cancel := context.WithTimeout(o.ctx, 100*time.Millisecond)
		_, _ = o.c.Discover(ctx, s.Service)
		cancel()
	case "fetch": // as after a write of the client's own: the answer may be ahead of the stream
		ctx, cancel := context.WithTimeout(o.ctx, 100*time.Millisecond)
		e, _ := o.c.table.use(s.Service)
		if k, v, err := o.c.fetch(ctx, s.Service); err == nil {
			o.c.table.seed(e, k, v)
		}
		cancel()
	case "watch":
		if o.leave[s.Service] == nil {
			ctx, cancel := context.WithCancel(o.ctx)
			o.leave[s.Service] = cancel
			go o.watch(ctx, s.Service)
		}
	case "leave":
		if end := o.leave[s.Service]; end != nil {
			end()
			delete(o.leave, s.Service)
		}
	case "pass":
		time.Sleep(time.Duration(s.Number) * 20 * time.Millisecond)
	case "passes":
		time.Sleep(time.Duration(s.Number) * 400 * time.Millisecond)
	}
	synctest.Wait()
	o.look()
}

// watch counts on the service's index never going back.
func (o *observed) watch(ctx context.Context, service string) {
	last := uint64(0)
	for s, err := range o.c.Watch(ctx, service) {
		switch {
		case errors.Is(err, ErrNewHistory):
			o.wrong = append(o.wrong, fmt.Errorf("%s is told of a new history", service))
		case err == nil && s.Index < last:
			o.wrong = append(o.wrong, fmt.Errorf("%s went back from %d to %d", service, last, s.Index))
		case err == nil:
			last = s.Index
		}
	}
}

// look checks that each service is known exactly as it was at the index that it is known of, and that this never goes back.
// A service that was forgotten altogether begins anew.
func (o *observed) look() {
	t := o.c.table
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range storyServices {
		e := t.entries[name]
		if e == nil || e.known == nil {
			delete(o.seen, name)
			continue
		}
		if e.seen.at < o.seen[name] {
			o.wrong = append(o.wrong, fmt.Errorf("%s is known of %d, and was of %d", name, e.seen.at, o.seen[name]))
		}
		o.seen[name] = e.seen.at
		if got, want := described(e.known.snapshot.Instances), o.at(name, e.seen.at); !slices.Equal(got, want) {
			o.wrong = append(o.wrong, fmt.Errorf("%s at %d is known as %v, and was %v", name, e.seen.at, got, want))
		}
	}
}

func described(instances []registry.Instance) []string {
	var all []string
	for _, i := range instances {
		all = append(all, fmt.Sprint(i.ID, " ", i.ModifyIndex, " ", i.Status))
	}
	return all
}

// at is what a service was at an index.
func (o *observed) at(service string, index uint64) []string {
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	var all []registry.Instance
	for _, i := range o.world.history[index][service] {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b registry.Instance) int { return int(a.ID[0]) - int(b.ID[0]) })
	return described(all)
}

// end mends everything, and then the client must come to know all that there is.
func (o *observed) end() {
	for _, n := range o.nodes {
		n.hold(false)
		n.breaksAfter(0)
	}
	o.world.put("a", "end", registry.Healthy)
	for _, service := range storyServices {
		_, _ = o.c.Discover(o.ctx, service)
	}
	time.Sleep(90 * time.Second) // the longest that a node stands behind the others
	newest := uint64(len(o.world.history) - 1)
	o.look()
	for _, service := range storyServices {
		found, err := o.c.Discover(o.ctx, service)
		want := slices.DeleteFunc(o.at(service, newest), func(s string) bool { return s[len(s)-len("unhealthy"):] == "unhealthy" })
		if !slices.Equal(described(found), want) {
			o.wrong = append(o.wrong, fmt.Errorf("in the end %s is known as %v (%w), and is %v", service, described(found), err, want))
		}
	}
}

// Whatever happens to the stream and to whichever nodes, what the client knows of a service is at every moment exactly what
// the registry held at the index that it is known of; no index goes back on the way; and in the end all is known.
func TestWhateverBreaksTheClientKnowsWholeStatesAndInTheEndTheNewest(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		all := steps().Draw(r, "steps")
		var wrong error
		synctest.Test(t, func(t *testing.T) {
			w := newWorld("C1")
			o := &observed{world: w, nodes: []*node{startNode(t, w), startNode(t, w), startNode(t, w)}, leave: map[string]context.CancelFunc{}, seen: map[string]uint64{}}
			o.ctx = t.Context()
			o.c = newClient(t, func(c *Config) { c.Linger = 5 * time.Minute }, o.nodes...)
			for _, s := range all {
				o.do(s)
			}
			o.end()
			for _, end := range o.leave {
				end()
			}
			synctest.Wait()
			wrong = errors.Join(o.wrong...)
		})
		if wrong != nil {
			r.Fatal(wrong)
		}
	})
}
