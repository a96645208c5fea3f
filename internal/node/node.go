package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/http"
	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/disk"
	"github.com/musterhq/muster/internal/heartbeats"
	"github.com/musterhq/muster/internal/roster"
	"github.com/musterhq/muster/store"
)

// Node is a running node. Its methods may be called from many goroutines at once.
type Node struct {
	config     Config
	http       net.Listener
	checkpoint *store.Checkpoint
	found      found // of the checkpoint, at the start
	machine    *fsm.Machine
	member     *cluster.Member
	writer     *fsm.Writer
	disk       *disk.Guard
	roster     *roster.Roster
	drainage   *drainage

	resignation *resignation
	auditor     *audit.Auditor
	keeper      *heartbeats.Keeper
	collector   *heartbeats.Collector
	checking    *checking
	observers   observers // of what is applied

	auditInterval time.Duration // [audit.Interval], but for tests

	restoring sync.Mutex // while an operator's snapshot is restored by way of this node

	teardown  teardown
	failed    chan error
	closeOnce sync.Once
	closeErr  error
}

// Start puts a node together and returns when it serves; that a leader is known and the node has caught up is told by
// [Node.Ready]. The context bounds Start alone. After an error nothing is left running.
func Start(ctx context.Context, c Config) (*Node, error) {
	return start(ctx, c, audit.Interval)
}

func start(ctx context.Context, c Config, auditInterval time.Duration) (_ *Node, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	n := &Node{config: c.withDefaults(), failed: make(chan error, 1), auditInterval: auditInterval, roster: roster.New(time.Now())}
	n.teardown.log = n.config.Logger
	defer func() {
		if err != nil {
			err = errors.Join(err, n.teardown.run(ctx))
		}
	}()
	steps := []func(context.Context) error{n.takeDataDir, n.guardDisk, n.listen, n.openMachine, n.openMember, n.checkBelonging, n.keepState, n.join, n.serve}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// listen takes the HTTP port before anything is written; it is served last.
func (n *Node) listen(ctx context.Context) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", n.config.HTTPAddr)
	if err != nil {
		return fmt.Errorf("open the HTTP port: %w", err)
	}
	n.http = listener
	n.teardown.add("close the HTTP port", func(context.Context) error {
		if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

func (n *Node) openMember(ctx context.Context) error {
	c := n.config
	member, err := cluster.New(ctx, cluster.Config{
		DataDir:  c.DataDir,
		PeerAddr: c.PeerAddr, GossipAddr: c.GossipAddr,
		AdvertisePeer: c.AdvertisePeer, AdvertiseGossip: c.AdvertiseGossip, AdvertiseHTTP: n.HTTPAddr(),
		Label: c.ID, Zone: c.Zone, Datacenter: c.Datacenter, Version: c.Version, Meta: c.Meta,
		Join: c.Join, Expect: c.BootstrapExpect, NonVoter: c.NonVoter, DeadAfter: c.DeadAfter,
		Multiplier: c.RaftMultiplier, SnapshotThreshold: c.SnapshotThreshold, TrailingLogs: c.TrailingLogs,
		Network: c.Network, Machine: n.machine, Commands: fsm.CommandVersion, Log: c.Logger,
	})
	if err != nil {
		return err
	}
	n.member = member
	n.teardown.add("leave the cluster", member.Close)
	return nil
}

// keepState writes the checkpoint behind the log. What is applied after its end, while the member stops, the log has.
func (n *Node) keepState(context.Context) error {
	n.goUntil("write the checkpoint", func(ctx context.Context) error { return n.machine.KeepCheckpoint(ctx, n.checkpoint) })
	n.goUntil("follow the log", func(ctx context.Context) error { return firstOf(ctx, n.machine.Failed()) })
	return nil
}

// join takes part in the cluster, ready to be asked for writes by clients and by other nodes.
func (n *Node) join(context.Context) error {
	n.resignation = &resignation{cluster: n.member, unfit: n.unfit, log: n.config.Logger}
	n.member.Handle(callFit, n.resignation.answerFitness)
	n.writer = fsm.NewWriter(entrance{n.member, n.resignation.refusal, n.Sound})
	n.member.Handle(fsm.CallWrite, n.writer.AnswerWrite)
	n.member.Handle(fsm.CallRestore, n.writer.AnswerRestore)
	n.prepareDrains()
	if err := errors.Join(n.prepareAudit(), n.prepareLeases(), n.prepareChecks()); err != nil {
		return err
	}
	n.machine.Observe(n.observers)
	if err := n.member.Start(); err != nil {
		return err
	}
	n.goUntil("be a member", func(ctx context.Context) error { return firstOf(ctx, n.member.Failed()) })
	n.goUntil("take writes", func(ctx context.Context) error {
		n.writer.Run(ctx)
		return nil
	})
	n.keepLeases()
	n.checkInstances()
	n.resignWhereUnfit()
	n.goUntil("compare states", func(ctx context.Context) error {
		n.auditor.Run(ctx, n.auditInterval)
		return nil
	})
	return nil
}

func (n *Node) serve(context.Context) error {
	server, err := http.New(http.Config{Node: n, Logger: n.config.Logger, Metrics: n.config.Metrics})
	if err != nil {
		return err
	}
	n.goUntil("serve HTTP", func(context.Context) error { return server.Serve(n.http) })
	n.teardown.add("stop serving HTTP", server.Shutdown)
	return nil
}

// goUntil runs a part of the node until its teardown, which waits for it. A part that fails fails the node.
func (n *Node) goUntil(name string, part func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := part(ctx); err != nil {
			n.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
	n.teardown.add(name, func(context.Context) error {
		cancel()
		running.Wait()
		return nil
	})
}

// firstOf waits for an error, or for the end.
func firstOf(ctx context.Context, failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (n *Node) fail(err error) {
	select {
	case n.failed <- err:
	default: // one reason is enough
	}
}

// Failed gives the error after which the node can't go on. Its process must end, and not in good order: what the node
// would still say may be wrong.
func (n *Node) Failed() <-chan error { return n.failed }

// Close stops in good order: leadership is handed over, what is in flight is answered, gossip hears a goodbye, the state
// is written. The context bounds the waiting for others; the files are closed in any case. Only the first call counts.
func (n *Node) Close(ctx context.Context) error {
	n.closeOnce.Do(func() {
		n.member.HandOver(ctx)
		n.closeErr = n.teardown.run(ctx)
	})
	return n.closeErr
}
