package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/consistency"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// instancesOfService is how many instances the clients quarrel over in each of the services of a round.
const instancesOfService = 5

// clients write and read for one round, and note all that they do. All of them use all instances, so that they meet.
type clients struct {
	t        *testing.T
	nodes    []string
	services []string
	history  *consistency.History
	seen     *consistency.Sightings
	progress *progress

	stop    context.CancelFunc
	running sync.WaitGroup
	version atomic.Int64 // of the last registration: each has its own
}

// startClients has so many writers and readers begin; half of the readers ask for what is linearizable, the others for what
// their node has.
func startClients(t *testing.T, c *clients, writers, readers int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c.t, c.stop, c.history = t, stop, consistency.NewHistory()
	t.Cleanup(c.end)
	for n := range writers {
		c.running.Go(func() { c.write(ctx, n) })
	}
	for n := range readers {
		if n%2 == 0 {
			c.running.Go(func() { c.read(ctx, writers+n) })
		} else {
			c.running.Go(func() { c.look(ctx, fmt.Sprintf("reader %d", n)) })
		}
	}
}

// end stops the clients and waits for what they have under way.
func (c *clients) end() {
	c.stop()
	c.running.Wait()
}

// shuffled is a client of all nodes, which it asks in an order of its own.
func (c *clients) shuffled() *api.Client {
	var nodes []string
	for _, n := range rand.Perm(len(c.nodes)) { //nolint:gosec // nobody gains from guessing it
		nodes = append(nodes, c.nodes[n])
	}
	client, err := api.New(nodes...)
	if err != nil {
		panic(err) // the harness made the addresses
	}
	return client
}

// pause is the time between two calls of one client: long enough that what all of them do can be judged.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(time.Duration(20+rand.IntN(160)) * time.Millisecond): //nolint:gosec // as above
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// write changes instances until ctx ends. Calls under way are waited for, so that their outcome is known.
func (c *clients) write(ctx context.Context, number int) {
	client := c.shuffled()
	defer client.Close()
	for pause(ctx) {
		call := c.draw()
		began := c.history.Now()
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		err := c.make(within, client, call)
		cancel()
		switch {
		case err == nil:
			c.history.Answered(number, began, call, consistency.Answer{})
			c.progress.acknowledged()
		case errors.Is(err, registry.ErrInstanceNotFound), errors.Is(err, registry.ErrServiceNotFound):
			c.history.Answered(number, began, call, consistency.Answer{Absent: true})
		case fault.IsUnknown(err):
			c.history.Open(number, began, call)
		}
	}
}

// draw draws the next change.
func (c *clients) draw() consistency.Call {
	call := consistency.Call{
		Service: c.services[rand.IntN(len(c.services))],            //nolint:gosec // as above
		ID:      "i" + strconv.Itoa(rand.IntN(instancesOfService)), //nolint:gosec // as above
	}
	switch n := rand.IntN(10); { //nolint:gosec // as above
	case n < 6:
		call.Kind, call.Version = consistency.Register, strconv.FormatInt(c.version.Add(1), 10)
	case n < 8:
		call.Kind = consistency.Deregister
	default:
		call.Kind = consistency.Report
		call.Status = []registry.Status{registry.Healthy, registry.Unhealthy, registry.Unknown}[rand.IntN(3)] //nolint:gosec // as above
	}
	return call
}

// make makes a change.
func (c *clients) make(ctx context.Context, client *api.Client, call consistency.Call) (err error) {
	switch call.Kind {
	case consistency.Register:
		i := registry.Instance{
			Service: call.Service, ID: call.ID, Address: "10.0.0.7", Port: 8080,
			Metadata: map[string]string{"version": call.Version},
		}
		_, err = api.Do(ctx, client, api.Register(i))
	case consistency.Deregister:
		_, err = api.Do(ctx, client, api.Deregister(call.Service, call.ID, 0))
	case consistency.Report:
		_, err = api.Do(ctx, client, api.ReportHealth(call.Service, call.ID, wire.HealthReport{Status: call.Status}))
	case consistency.Read:
		panic("a read changes nothing")
	}
	return err
}

// read reads what is linearizable, all instances of a service at once.
func (c *clients) read(ctx context.Context, number int) {
	client := c.shuffled()
	defer client.Close()
	for pause(ctx) {
		_ = c.readOnce(context.WithoutCancel(ctx), client, number, c.services[rand.IntN(len(c.services))]) //nolint:gosec // as above
	}
}

func (c *clients) readOnce(ctx context.Context, client *api.Client, number int, service string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	began := c.history.Now()
	answer, err := api.Do(ctx, client, api.Discover(service, api.Query{Status: api.StatusAny, Linearizable: true}))
	if err != nil && !errors.Is(err, registry.ErrServiceNotFound) {
		return err
	}
	instances := byID(answer.Body.Instances)
	for n := range instancesOfService {
		call := consistency.Call{Service: service, ID: "i" + strconv.Itoa(n), Kind: consistency.Read}
		shown := consistency.Answer{Absent: true}
		if i := instances[call.ID]; i != nil {
			shown = consistency.Answer{Version: i.Metadata["version"], Status: i.Status}
		}
		c.history.Answered(number, began, call, shown)
	}
	if err == nil {
		c.seen.Add("a linearizable read", service, answer.Body.Index, instances)
	}
	return nil
}

// contentOf is what the cluster holds of a service.
func contentOf(t *testing.T, nodes []string, service string) string {
	t.Helper()
	client, err := api.New(nodes...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	answer, err := api.Do(t.Context(), client, api.Discover(service, api.Query{Status: api.StatusAny, Linearizable: true}))
	if err != nil && !errors.Is(err, registry.ErrServiceNotFound) {
		t.Fatal(err)
	}
	return consistency.Render(byID(answer.Body.Instances))
}

// look is a session: it reads what this node has, or that one, and asks each for what it has seen elsewhere, at least.
func (c *clients) look(ctx context.Context, who string) {
	seen := uint64(0)
	for pause(ctx) {
		node, service := c.nodes[rand.IntN(len(c.nodes))], c.services[rand.IntN(len(c.services))] //nolint:gosec // as above
		within, cancel := context.WithTimeout(ctx, 3*time.Second)
		answer, err := testcluster.Get(within, fmt.Sprintf("%s%s?status=any&wait=1s&min_index=%d", node, wire.PathService(service), seen))
		cancel()
		if err != nil || answer.Status != http.StatusOK && answer.Status != http.StatusNotFound {
			continue
		}
		index, err := strconv.ParseUint(answer.Index(), 10, 64)
		if err != nil || index < seen {
			c.t.Errorf("%s has seen %d, and %s answers with %q", who, seen, node, answer.Index())
			continue
		}
		seen = index
		var found wire.Discovered
		if answer.Status == http.StatusOK {
			if err := answer.Decode(&found); err != nil {
				c.t.Errorf("%s answers %v", node, err)
				continue
			}
			c.seen.Add("a local read at "+node, service, found.Index, byID(found.Instances))
		}
	}
}

func byID(instances []*registry.Instance) map[string]*registry.Instance {
	of := map[string]*registry.Instance{}
	for _, i := range instances {
		of[i.ID] = i
	}
	return of
}
