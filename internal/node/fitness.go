package node

import (
	"cmp"
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/disk"
)

// guardDisk watches the space that is left in the data directory.
func (n *Node) guardDisk(context.Context) error {
	guard, err := disk.NewGuard(n.config.DataDir, n.config.DiskReserve, n.config.Logger)
	if err != nil {
		return err
	}
	n.disk = guard
	n.goUntil("watch the disk", func(ctx context.Context) error {
		guard.Run(ctx)
		return nil
	})
	return registerAll(n.config.Metrics,
		gauge("muster_disk_free_bytes", "Space left in the file system of the data directory.",
			func() float64 { return float64(guard.Latest().Free) }),
		gauge("muster_disk_reserve_bytes", "Space below which this node takes no new writes.",
			func() float64 { return float64(guard.Latest().Reserve) }),
		gauge("muster_disk_low", "1 while this node takes no new writes for lack of space, 0 otherwise.",
			func() float64 { return oneIf(guard.Latest().Low) }),
	)
}

// unfit says why this node should not lead at present; nil as long as it may.
func (n *Node) unfit() error { return cmp.Or(n.Sound(), n.disk.Full()) }

// prepareAudit makes ready to compare this node's state with that of the others.
func (n *Node) prepareAudit() error {
	n.auditor = audit.New(n.member, n.machine, n.config.Logger)
	n.member.Handle(audit.CallHash, n.auditor.AnswerHash)
	n.member.HandleStream(audit.CallState, n.auditor.AnswerState)
	return registerAll(n.config.Metrics,
		gauge("muster_state_disagreeing_voters", "Voters that held another state than this node at the same index when they were last compared.",
			func() float64 { return float64(n.auditor.Disagreeing()) }),
		gauge("muster_state_wrong", "1 while this node answers no reads since its state is wrong, 0 otherwise.",
			func() float64 { return oneIf(n.Sound() != nil) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "muster_state_rebuilds_total",
			Help: "How often a majority held another state than this node, which then fetched theirs.",
		}, func() float64 { return float64(n.auditor.Rebuilds()) }),
	)
}

// resignWhereUnfit gives leadership away while this node should not have it.
func (n *Node) resignWhereUnfit() {
	n.goUntil("resign where unfit", func(ctx context.Context) error {
		n.resignation.run(ctx)
		return nil
	})
}

func gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

func registerAll(registry *prometheus.Registry, collectors ...prometheus.Collector) error {
	var errs []error
	for _, c := range collectors {
		errs = append(errs, registry.Register(c))
	}
	return errors.Join(errs...)
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
