package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/node"
)

const (
	// readyWithin is how long a cluster of one's own may take to find a leader; about a second is usual.
	readyWithin = 30 * time.Second

	readyPoll = 20 * time.Millisecond
)

// label names the nodes n1, n2 and so on; i counts from 0.
func label(i int) string { return "n" + strconv.Itoa(i+1) }

// addresses are where node i listens.
func (d *dev) addresses(i int) (http, peer, gossip string) {
	at := func(offset int) string {
		port := 0
		if d.httpPort != 0 {
			port = d.httpPort + i*portStep + offset
		}
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return at(0), at(1), at(2)
}

// endpoints are all addresses that the cluster listens on. One flag chooses them all.
func (d *dev) endpoints() []endpointFlag {
	var all []endpointFlag
	for i := range d.nodes {
		http, peer, gossip := d.addresses(i)
		all = append(all,
			endpointFlag{http, "--http-port", []string{"tcp"}},
			endpointFlag{peer, "--http-port", []string{"tcp"}},
			endpointFlag{gossip, "--http-port", []string{"tcp", "udp"}},
		)
	}
	return all
}

// startDev starts the nodes one after the other, each with the gossip addresses of those before it. It returns those
// that it started also where one fails.
func (p *program) startDev(ctx context.Context, d *dev, dir string) ([]runningNode, error) {
	log := d.log.logger(p.stderr)
	var nodes []runningNode
	var join []string
	for i := range d.nodes {
		c := node.Config{
			ID:              label(i),
			DataDir:         filepath.Join(dir, label(i)),
			Join:            join,
			BootstrapExpect: d.nodes,
			RaftMultiplier:  1,
			Datacenter:      "dc1",
			Version:         thisBuild().Version,
			Logger:          log.With("node", label(i)),
		}
		c.HTTPAddr, c.PeerAddr, c.GossipAddr = d.addresses(i)
		n, err := p.startNode(ctx, c)
		if err != nil {
			return nodes, fmt.Errorf("node %s: %w", c.ID, err)
		}
		nodes = append(nodes, n)
		join = append(join, n.GossipAddr())
	}
	return nodes, nil
}

// allReady waits until every node knows a leader and has caught up.
func allReady(ctx context.Context, nodes []runningNode) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for i, n := range nodes {
		for {
			err := n.Ready()
			if err == nil {
				break
			}
			select {
			case <-poll.C:
			case failure := <-n.Failed():
				return &nodeFailure{label(i), failure}
			case <-ctx.Done():
				return fmt.Errorf("node %s was not ready within %s: %w", label(i), readyWithin, err)
			}
		}
	}
	return nil
}

// firstFailure waits until a node fails, or returns nil when ctx ends.
func firstFailure(ctx context.Context, nodes []runningNode) error {
	ctx, cancel := context.WithCancel(ctx)
	failures := make(chan error, len(nodes))
	var waiting sync.WaitGroup
	for i, n := range nodes {
		waiting.Go(func() {
			select {
			case err := <-n.Failed():
				failures <- &nodeFailure{label(i), err}
			case <-ctx.Done():
			}
		})
	}
	defer waiting.Wait()
	defer cancel()
	select {
	case err := <-failures:
		return err
	case <-ctx.Done():
		return nil
	}
}

// stopAll closes all nodes at once: the last of them would wait in vain for one to hand its leadership to.
func stopAll(ctx context.Context, nodes []runningNode) error {
	errs := make([]error, len(nodes))
	var closing sync.WaitGroup
	for i, n := range nodes {
		closing.Go(func() { errs[i] = stop(ctx, n) })
	}
	closing.Wait()
	return errors.Join(errs...)
}
