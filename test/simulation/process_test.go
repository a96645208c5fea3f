package simulation

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/internal/heartbeats"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// process is a node from its start until it is killed: what package node puts together, without HTTP and without files.
type process struct {
	plug      *plug
	mount     *mount
	machine   *fsm.Machine
	member    *cluster.Member
	writer    *fsm.Writer
	keeper    *heartbeats.Keeper
	collector *heartbeats.Collector

	dead   chan struct{} // closed when it is killed: nobody hears what it says after that
	failed chan error
	end    context.CancelFunc
	wait   sync.WaitGroup
}

var errDead = errors.New("the process was killed, and nobody knows what it did last")

// launch starts a process on a machine.
func launch(config cluster.Config, p *plug, m *mount, watched func(*fsm.Machine, iter.Seq[registry.Change])) (*process, error) {
	at := &process{plug: p, mount: m, dead: make(chan struct{}), failed: make(chan error, 1)}
	var ctx context.Context
	ctx, at.end = context.WithCancel(context.Background())
	at.machine = fsm.NewMachine(m.content.checkpoint, func() string { return at.member.ClusterID() })
	config.Network, config.Gossip, config.Machine = p, p, at.machine
	config.Storage = storage{m, at.fail}
	var err error
	if at.member, err = cluster.New(ctx, config); err != nil {
		return nil, err
	}
	at.writer = fsm.NewWriter(sound{at.member, at.machine.Sound})
	at.member.Handle(fsm.CallWrite, at.writer.AnswerWrite)
	at.member.Handle(fsm.CallRestore, at.writer.AnswerRestore)
	leases := health.NewLeases(config.Label)
	leases.Replaced(at.machine.Image().State)
	at.machine.Observe(observers{leases, func(changes iter.Seq[registry.Change]) { watched(at.machine, changes) }})
	state := func() (*registry.State, error) { return at.state(), at.machine.Sound() }
	at.keeper = heartbeats.NewKeeper(at.member, at.writer, leases, state, config.Log)
	at.collector = heartbeats.NewCollector(at.member, config.Label, at.keeper)
	at.member.Handle(heartbeats.CallBeats, at.keeper.AnswerBeats)
	at.member.Handle(heartbeats.CallPulse, at.keeper.AnswerPulse)
	at.member.HandleStream(heartbeats.CallAges, at.keeper.AnswerAges)
	if err := at.member.Start(); err != nil {
		return nil, err
	}
	at.wait.Go(func() {
		if err := at.machine.KeepCheckpoint(ctx, m); err != nil {
			at.fail(err)
		}
	})
	at.wait.Go(func() { at.writer.Run(ctx) })
	at.wait.Go(func() { at.keeper.Run(ctx) })
	at.wait.Go(func() { at.collector.Run(ctx) })
	at.wait.Go(func() { at.fails(ctx) })
	return at, nil
}

// fails waits for a reason to end.
func (p *process) fails(ctx context.Context) {
	select {
	case err := <-p.member.Failed():
		p.fail(err)
	case err := <-p.machine.Failed():
		p.fail(err)
	case <-ctx.Done():
	}
}

func (p *process) fail(err error) {
	select {
	case p.failed <- err:
	default: // one reason is enough
	}
}

// kill ends the process in the middle of whatever it does. From then on it reaches nobody; that its goroutines end is waited
// for by whoever asks.
func (p *process) kill(silently bool, d *disk) {
	close(p.dead)
	p.plug.pull(silently)
	d.lose()
	p.end()
	p.wait.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.member.Close(ctx) // it says goodbye to nobody
	})
}

func (p *process) state() *registry.State { return p.machine.Publisher().State() }

// heard is the error where nobody hears any more what the process answers.
func (p *process) heard(err error) error {
	select {
	case <-p.dead:
		return errDead
	default:
		return err
	}
}

// submit has a write applied.
func (p *process) submit(ctx context.Context, w fsm.Write) (fsm.Outcome, error) {
	outcome, err := p.writer.Submit(ctx, w)
	return outcome, p.heard(err)
}

// read is a state that has all that was acknowledged before.
func (p *process) read(ctx context.Context) (*registry.State, error) {
	index, err := p.member.ReadIndex(ctx)
	if err == nil {
		err = p.machine.Await(ctx, index)
	}
	if err != nil {
		return nil, err
	}
	return p.state(), p.heard(p.machine.Sound())
}

// beat renews the lease of an instance.
func (p *process) beat(ctx context.Context, service, id string) (wire.Renewal, error) {
	renewal, err := p.collector.Send(ctx, []wire.Heartbeat{{Service: service, ID: id}})
	return renewal, p.heard(err)
}

// sound lets entries into the log, and answers nothing that can't be believed.
type sound struct {
	fsm.Cluster
	sound func() error
}

// Commit appends an entry.
func (s sound) Commit(ctx context.Context, entry []byte) (any, error) {
	answer, err := s.Cluster.Commit(ctx, entry)
	if wrong := s.sound(); err == nil && wrong != nil {
		return nil, wrong
	}
	return answer, err
}

// observers are the leases, and the simulation.
type observers struct {
	*health.Leases
	watched func(iter.Seq[registry.Change])
}

// Applied tells both.
func (o observers) Applied(changes iter.Seq[registry.Change]) {
	o.Leases.Applied(changes)
	o.watched(changes)
}
