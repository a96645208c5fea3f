package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/node"
)

func (p *program) server() *cobra.Command {
	c := node.Config{Meta: pairs{}}
	var log logging
	cmd := &cobra.Command{
		Use:   "server --data-dir DIR",
		Short: "Run one node",
		Long: `Run one node until SIGINT or SIGTERM. It then hands over its leadership, answers what is in flight and leaves.
A second signal ends it at once; nothing that was acknowledged is lost by that.`,
		Example: `  muster server --data-dir /var/lib/muster

  # each of three nodes, on its own machine
  muster server --data-dir /var/lib/muster --bootstrap-expect 3 --join 10.0.0.1:7302,10.0.0.2:7302,10.0.0.3:7302 \
      --http-addr 10.0.0.1:7300 --peer-addr 10.0.0.1:7301 --gossip-addr 10.0.0.1:7302`,
		Args: names(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.DataDir == "" {
				return usagef("--data-dir is missing: the folder where the node keeps its log and state")
			}
			if err := labelByHost(&c); err != nil {
				return err
			}
			if err := c.Validate(); err != nil {
				return &usageError{err}
			}
			c.Version = thisBuild().Version
			c.Logger = log.logger(p.stderr)
			c.Metrics = prometheus.NewRegistry()
			if err := cluster.ExportRaftMetrics(c.Metrics); err != nil {
				return err
			}
			return p.serve(cmd.Context(), c)
		},
	}
	serverFlags(cmd.Flags(), &c)
	log.addTo(cmd.Flags(), "info")
	return cmd
}

func serverFlags(flags *pflag.FlagSet, c *node.Config) {
	flags.SortFlags = false
	flags.StringVar(&c.DataDir, "data-dir", "", "folder where the node keeps its log and state (required)")
	flags.StringVar(&c.ID, "node-id", "", "label of the node, unique among the live ones (default the host's name)")
	flags.StringVar(&c.HTTPAddr, "http-addr", "127.0.0.1:7300", "address of the API and the metrics")
	flags.StringVar(&c.PeerAddr, "peer-addr", "127.0.0.1:7301", "address for Raft and calls between nodes")
	flags.StringVar(&c.GossipAddr, "gossip-addr", "127.0.0.1:7302", "address for gossip, TCP and UDP")
	flags.StringVar(&c.AdvertiseHTTP, "advertise-http", "", "what others are told where it differs from --http-addr")
	flags.StringVar(&c.AdvertisePeer, "advertise-peer", "", "what others are told where it differs from --peer-addr")
	flags.StringVar(&c.AdvertiseGossip, "advertise-gossip", "", "what others are told where it differs from --gossip-addr")
	flags.StringSliceVar(&c.Join, "join", nil, "gossip addresses of other nodes; retried until one answers")
	flags.IntVar(&c.BootstrapExpect, "bootstrap-expect", 0, "form a new cluster when this many voters have met (default 1 without --join)")
	flags.BoolVar(&c.NonVoter, "nonvoter", false, "join as a read replica")
	flags.DurationVar(&c.DeadAfter, "dead-after", time.Hour, "how long a node must be out of contact, by Raft and by gossip, before it is removed")
	flags.BoolVar(&c.AllowStaleStart, "allow-stale-start", false, "serve local reads after a start before having caught up with a leader")
	flags.Var((*byteSize)(&c.DiskReserve), "disk-reserve", "free disk below which writes are refused, such as 256MiB (default the smaller of 5% and 256MiB)")
	flags.IntVar(&c.RaftMultiplier, "raft-multiplier", 1, "stretches Raft's times, for slow networks or disks")
	flags.Uint64Var(&c.SnapshotThreshold, "snapshot-threshold", 0, "entries of the log between two of Raft's snapshots (default 8192)")
	flags.Uint64Var(&c.TrailingLogs, "trailing-logs", 0, "entries that stay in the log behind a snapshot (default 10240)")
	flags.Var((*networks)(&c.CheckAllow), "check-allow", "network that health checks may reach although it is refused by default; may be given many times")
	flags.Var((*networks)(&c.CheckDeny), "check-deny", "network that health checks may not reach, also where --check-allow holds it; may be given many times")
	flags.StringVar(&c.Zone, "zone", "", "where the node runs")
	flags.StringVar(&c.Datacenter, "datacenter", "dc1", "the data centre that the node is in")
	flags.Var(pairs(c.Meta), "node-meta", "metadata of the node; may be given many times")
}

// labelByHost names a node that has no label of its own after its host.
func labelByHost(c *node.Config) error {
	if c.ID != "" {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("the host's name is unknown (%w): name the node with --node-id", err)
	}
	c.ID = host
	return nil
}

// serve runs a node until ctx ends or the node fails.
func (p *program) serve(ctx context.Context, c node.Config) error {
	if err := freePorts(ctx,
		endpointFlag{c.HTTPAddr, "--http-addr", []string{"tcp"}},
		endpointFlag{c.PeerAddr, "--peer-addr", []string{"tcp"}},
		endpointFlag{c.GossipAddr, "--gossip-addr", []string{"tcp", "udp"}},
	); err != nil {
		return err
	}
	n, err := p.startNode(ctx, c)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	select {
	case <-ctx.Done():
		return stop(ctx, n)
	case err := <-n.Failed():
		return &nodeFailure{err: err}
	}
}
