package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// dev holds the flags of the command of that name.
type dev struct {
	nodes    int
	httpPort int
	dataDir  string
	log      logging
}

func (p *program) dev() *cobra.Command {
	var d dev
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a cluster on this machine, to try things out",
		Long: `Run a cluster on the loopback interface, all in this process: real nodes and real Raft over TCP. Each node takes
three ports in a row, for HTTP, its peers and gossip; those of the next node are higher by 10.`,
		Args: names(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := d.validate(); err != nil {
				return err
			}
			return p.runDev(cmd.Context(), &d)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&d.nodes, "nodes", 3, "how many nodes")
	flags.IntVar(&d.httpPort, "http-port", 7300, "HTTP port of the first node; 0 lets the system choose all ports")
	flags.StringVar(&d.dataDir, "data-dir", "", "folder for the nodes' data (default a temporary one, removed at exit)")
	d.log.addTo(flags, "error")
	return cmd
}

// maxNodes is how many voters a new cluster may have.
const maxNodes = 9

// portStep lies between the ports of one node and those of the next.
const portStep = 10

func (d *dev) validate() error {
	if d.nodes < 1 || d.nodes > maxNodes {
		return usagef("--nodes is 1 to %d, not %d", maxNodes, d.nodes)
	}
	if last := d.httpPort + (d.nodes-1)*portStep + 2; d.httpPort < 0 || last > 65535 {
		return usagef("--http-port: the ports %d to %d are not all between 1 and 65535", d.httpPort, last)
	}
	return nil
}

// runDev runs the cluster until ctx ends or a node fails.
func (p *program) runDev(ctx context.Context, d *dev) (err error) {
	if err := freePorts(ctx, d.endpoints()...); err != nil {
		return err
	}
	dir, where := d.dataDir, d.dataDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "muster-dev-"); err != nil {
			return fmt.Errorf("no folder for the nodes' data can be made (%w): name one with --data-dir", err)
		}
		where = dir + " (removed at exit)"
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}

	begun := time.Now()
	nodes, err := p.startDev(ctx, d, dir)
	if err == nil {
		err = p.watchDev(ctx, nodes, begun, where)
	}
	if _, failed := errors.AsType[*nodeFailure](err); failed {
		return err
	}
	d.log.hush() // Nodes that stop together miss each other.
	return errors.Join(unlessStopped(ctx, err), stopAll(ctx, nodes))
}

// watchDev tells when the cluster is ready, and returns when ctx ends or a node fails.
func (p *program) watchDev(ctx context.Context, nodes []runningNode, begun time.Time, where string) error {
	if err := allReady(ctx, nodes); err != nil {
		return err
	}
	if err := banner(p.stdout, nodes, time.Since(begun), where); err != nil {
		return err
	}
	return firstFailure(ctx, nodes)
}
