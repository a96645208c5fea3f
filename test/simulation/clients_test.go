package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/consistency"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/registry"
)

// instancesOfService is how many instances the clients quarrel over in each service.
const instancesOfService = 3

// clients write and read for one round, each with any node, and note all that they do.
type clients struct {
	night    *night
	services []string
	history  *consistency.History
	version  atomic.Int64 // of the last registration: each has its own

	stop    context.CancelFunc
	running sync.WaitGroup
}

func (n *night) startClients(services []string) *clients {
	c := &clients{night: n, services: services, history: consistency.NewHistory()}
	var ctx context.Context
	ctx, c.stop = context.WithCancel(context.Background())
	for number := range 7 {
		dice := rand.New(rand.NewPCG(n.dice.Uint64(), 4)) //nolint:gosec // it is to be repeated
		do := c.write
		switch {
		case number >= 4:
			do = c.read
		case number == 0:
			do = c.writeOnce
		}
		c.running.Go(func() {
			for pause.For(ctx, time.Duration(dice.Int64N(int64(time.Second)))) {
				if p := n.nodes[dice.IntN(len(n.nodes))].now(); p != nil {
					do(p, dice, number)
				}
			}
		})
	}
	return c
}

// end stops the clients and waits for what they have under way.
func (c *clients) end() {
	c.stop()
	c.running.Wait()
}

// draw draws the next change.
func (c *clients) draw(dice *rand.Rand) consistency.Call {
	call := consistency.Call{Service: c.services[dice.IntN(len(c.services))], ID: "i" + strconv.Itoa(dice.IntN(instancesOfService))}
	switch k := dice.IntN(10); {
	case k < 5:
		call.Kind, call.Version = consistency.Register, strconv.FormatInt(c.version.Add(1), 10)
	case k < 8:
		call.Kind = consistency.Deregister
	default:
		call.Kind = consistency.Report
		call.Status = []registry.Status{registry.Healthy, registry.Unhealthy, registry.Unknown}[dice.IntN(3)]
	}
	return call
}

func operation(call consistency.Call) registry.Operation {
	switch call.Kind {
	case consistency.Register:
		i := registry.Instance{
			Service: call.Service, ID: call.ID, Address: "10.1.0.7", Port: 8080, Metadata: map[string]string{"version": call.Version},
		}
		return registry.Register{Instance: i.Normalize()}
	case consistency.Deregister:
		return registry.Deregister{Service: call.Service, ID: call.ID}
	default:
		return registry.ReportHealth{Service: call.Service, ID: call.ID, Report: registry.Report{Status: call.Status}.Normalize()}
	}
}

// write makes a change.
func (c *clients) write(p *process, dice *rand.Rand, number int) {
	c.make(p, c.draw(dice), "", number)
}

// make makes a change and notes what came of it.
func (c *clients) make(p *process, call consistency.Call, key string, number int) (at uint64, known bool) {
	began := c.history.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	outcome, err := p.submit(ctx, fsm.Write{Key: key, Operations: []registry.Operation{operation(call)}})
	return outcome.Index, c.answered(number, began, call, err)
}

func (c *clients) answered(number int, began time.Duration, call consistency.Call, err error) (known bool) {
	switch {
	case err == nil:
		c.history.Answered(number, began, call, consistency.Answer{})
		c.night.figures.add(func(f *figures) { f.writes++ })
		return true
	case errors.Is(err, registry.ErrInstanceNotFound), errors.Is(err, registry.ErrServiceNotFound):
		c.history.Answered(number, began, call, consistency.Answer{Absent: true})
		return true
	case errors.Is(err, errDead), fault.IsUnknown(err):
		c.history.Open(number, began, call)
		return false
	default: // it was certainly not applied
		return false
	}
}

// writeOnce makes a change with a key, with one node after the other until one answers, and later once more: that must have
// no effect.
func (c *clients) writeOnce(p *process, dice *rand.Rand, number int) {
	n := c.night
	call, key := c.draw(dice), fmt.Sprintf("%d-%d", n.rounds, c.version.Add(1))
	began := c.history.Now()
	what := fsm.Write{Key: key, Operations: []registry.Operation{operation(call)}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	put := func() (outcome fsm.Outcome, err error) {
		open := false
		for {
			if p != nil {
				outcome, err = p.submit(ctx, what)
				open = open || errors.Is(err, errDead) || fault.IsUnknown(err)
				if decided := err == nil || outcome.Index > 0; decided && !errors.Is(err, errDead) {
					return outcome, err
				}
			}
			if !pause.For(ctx, 500*time.Millisecond) {
				if open {
					err = fault.Unknown(ctx.Err())
				}
				return outcome, err
			}
			p = n.nodes[dice.IntN(len(n.nodes))].now()
		}
	}
	first, err := put()
	if !c.answered(number, began, call, err) {
		return
	}
	pause.For(ctx, time.Duration(dice.Int64N(int64(5*time.Second)))) // in which others change the instance
	if again, err := put(); err == nil && again.Index != first.Index {
		n.t.Errorf("round %d: the write with the key %s was decided at %d, and again at %d", n.rounds, key, first.Index, again.Index)
	}
	n.figures.add(func(f *figures) { f.keyed++ })
}

// read reads what is linearizable.
func (c *clients) read(p *process, dice *rand.Rand, number int) {
	_ = c.readService(p, number, c.services[dice.IntN(len(c.services))])
}

func (c *clients) readService(p *process, number int, service string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	began := c.history.Now()
	state, err := p.read(ctx)
	if err != nil {
		return err
	}
	for k := range instancesOfService {
		call := consistency.Call{Service: service, ID: "i" + strconv.Itoa(k), Kind: consistency.Read}
		shown := consistency.Answer{Absent: true}
		if i, err := state.Instance(service, call.ID); err == nil {
			shown = consistency.Answer{Version: i.Metadata["version"], Status: i.Status}
		}
		c.history.Answered(number, began, call, shown)
	}
	if s := state.Service(service); s != nil {
		c.night.seen.Add("a linearizable read", service, s.Index(), byID(s))
	}
	return nil
}

// readAll reads everything on each node, which must succeed.
func (c *clients) readAll() {
	for number, at := range c.night.nodes {
		for _, service := range c.services {
			if err := c.readService(at.now(), 100+number, service); err != nil {
				c.night.t.Errorf("round %d: nothing is wrong any more, and %s can't be read on %s: %v", c.night.rounds, service, at.config.Label, err)
			}
		}
	}
}

// writable tells whether each node takes a write.
func (n *night) writable() bool {
	for _, at := range n.nodes {
		p := at.now()
		if p == nil {
			return false
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		_, err := p.submit(ctx, fsm.Write{Operations: []registry.Operation{operation(consistency.Call{
			Service: "probe", ID: at.config.Label, Kind: consistency.Register, Version: time.Now().String(),
		})}})
		cancel()
		if err != nil {
			return false
		}
	}
	return true
}

func byID(s *registry.Service) map[string]*registry.Instance {
	of := map[string]*registry.Instance{}
	for i := range s.Instances() {
		of[i.ID] = i
	}
	return of
}

func contentOf(s *registry.Service) string { return consistency.Render(byID(s)) }
