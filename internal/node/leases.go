package node

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/internal/heartbeats"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// prepareLeases has the leases follow the state, from before Raft begins, and answers the calls about them.
func (n *Node) prepareLeases() error {
	leases := health.NewLeases(n.config.ID)
	leases.Replaced(n.machine.Image().State)
	n.observers = append(n.observers, leases)
	n.keeper = heartbeats.NewKeeper(n.member, n.writer, leases, n.soundState, n.config.Logger)
	n.collector = heartbeats.NewCollector(n.member, n.config.ID, n.keeper)
	n.member.Handle(heartbeats.CallBeats, n.keeper.AnswerBeats)
	n.member.Handle(heartbeats.CallPulse, n.keeper.AnswerPulse)
	n.member.HandleStream(heartbeats.CallAges, n.keeper.AnswerAges)
	return registerAll(n.config.Metrics,
		counter("muster_heartbeats_total", "Heartbeats that have come to this node.", n.collector.Taken),
		counter("muster_heartbeat_messages_total", "Messages with heartbeats that this node has put to the leader, itself included.", n.collector.Messages),
		counter("muster_leases_expired_total", "Leases that ran out while this node led.", n.keeper.Expired),
		counter("muster_leases_revived_total", "Leases that had run out and were revived by a heartbeat while this node led.", n.keeper.Revived),
		counter("muster_leases_reaped_total", "Instances that were deregistered, while this node led, since their lease had run out long ago.", n.keeper.Reaped),
		leaseCounts{n},
	)
}

// keepLeases takes heartbeats and, while this node leads, has leases expire.
func (n *Node) keepLeases() {
	n.goUntil("keep leases", func(ctx context.Context) error {
		n.keeper.Run(ctx)
		return nil
	})
	n.goUntil("pass heartbeats on", func(ctx context.Context) error {
		n.collector.Run(ctx)
		return nil
	})
}

// soundState is the newest state, unless it is known to be wrong.
func (n *Node) soundState() (*registry.State, error) { return n.State(), n.Sound() }

// Heartbeat renews the leases of instances; see [heartbeats.Collector.Send].
func (n *Node) Heartbeat(ctx context.Context, beats []wire.Heartbeat) (wire.Renewal, error) {
	if err := n.member.Expelled(); err != nil {
		return wire.Renewal{}, err // no leader will come
	}
	return n.collector.Send(ctx, beats)
}

func counter(name, help string, value func() uint64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
}

// leaseCounts shows how many leases there are, as the state has them. They are counted when somebody looks.
type leaseCounts struct{ node *Node }

var leaseDesc = prometheus.NewDesc("muster_leases", "Leases that the state of this node holds.", []string{"state"}, nil)

// Describe tells Prometheus what there is.
func (leaseCounts) Describe(to chan<- *prometheus.Desc) { to <- leaseDesc }

// Collect counts.
func (l leaseCounts) Collect(to chan<- prometheus.Metric) {
	var running, expired float64
	for service := range l.node.State().Services() {
		for i := range service.Instances() {
			switch {
			case i.Lease == nil:
			case i.Expired:
				expired++
			default:
				running++
			}
		}
	}
	to <- prometheus.MustNewConstMetric(leaseDesc, prometheus.GaugeValue, running, "running")
	to <- prometheus.MustNewConstMetric(leaseDesc, prometheus.GaugeValue, expired, "expired")
}
