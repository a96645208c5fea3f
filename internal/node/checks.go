package node

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/internal/checks"
)

// checking is a node's part in the health checks.
type checking struct {
	endpoints *endpoints
	prober    *probe.Prober
	judge     *checks.Judge
	watchman  *checks.Watchman
	rounds    *health.Rounds
	roll      *checks.Roll
}

// prepareChecks has the rounds follow the state, from before Raft begins, and answers the calls about checks.
func (n *Node) prepareChecks() error {
	c := &checking{endpoints: newEndpoints(n.bound())}
	c.prober = probe.New(probe.Config{
		Guard: probe.Guard{
			Loopback: n.onLoopback(), Own: c.endpoints.all,
			Allow: n.config.CheckAllow, Deny: n.config.CheckDeny,
		},
		UserAgent: "muster/" + n.config.Version,
	})
	shares := checks.NewShares(n.member.RaftID())
	c.judge = checks.NewJudge(n.member, n.writer, n.machine, n.soundState)
	c.watchman = checks.NewWatchman(n.member, n.config.ID, shares, c.prober, n.soundState, c.judge)
	c.rounds = health.NewRounds(health.RoundsConfig{Prober: c.prober, Hear: c.watchman.Hear, Share: shares.Mine})
	c.rounds.Replaced(n.machine.Image().State)
	n.observers = append(n.observers, c.rounds)
	c.roll = checks.NewRoll(n.member, shares, c.endpoints.learn, func() {
		c.rounds.Reshare()
		c.watchman.Forget()
	})
	n.member.Handle(checks.CallFindings, c.judge.AnswerFindings)
	n.member.Handle(checks.CallConfirm, c.watchman.AnswerConfirm)
	n.member.Handle(checks.CallRoll, c.roll.AnswerRoll)
	n.checking = c
	return registerAll(n.config.Metrics,
		counter("muster_check_findings_total", "Findings of this node that a check stands otherwise than the state shows.", c.watchman.Findings),
		counter("muster_check_confirmations_total", "Checks about which this node has asked others, since it heard nothing itself.", c.watchman.Confirmations),
		counter("muster_check_decisions_total", "Checks that came to stand otherwise while this node led.", c.judge.Decided),
		counter("muster_check_preserved_total", "Checks that were kept against silence while this node led.", c.judge.Preserved),
		counter("muster_check_damped_total", "Findings that were put off while this node led, since their instances were restless.", c.judge.Damped),
		checkCounts{c},
	)
}

// checkInstances asks the instances of this node's share, and what it finds is decided by whoever leads.
func (n *Node) checkInstances() {
	n.teardown.add("close the connections of checks", func(context.Context) error {
		n.checking.prober.Close()
		return nil
	})
	n.goUntil("judge checks", func(ctx context.Context) error {
		n.checking.watchman.Run(ctx)
		return nil
	})
	n.goUntil("ask instances", func(ctx context.Context) error {
		n.checking.rounds.Run(ctx)
		return nil
	})
	n.goUntil("share the checks", func(ctx context.Context) error {
		n.checking.roll.Run(ctx)
		return nil
	})
}

// checkCounts shows what the checks of this node come to.
type checkCounts struct{ checking *checking }

var (
	checkedDesc = prometheus.NewDesc("muster_checks_total", "Answers of checks that this node has asked.", []string{"result"}, nil)
	inHandDesc  = prometheus.NewDesc("muster_checks", "Checks that this node asks: all of its share, those that are being asked, and those that wait for their turn.", []string{"state"}, nil)
	doubtDesc   = prometheus.NewDesc("muster_check_self_doubt", "1 while this node hears so little that it doubts itself.", nil, nil)
)

// Describe tells Prometheus what there is.
func (checkCounts) Describe(to chan<- *prometheus.Desc) {
	to <- checkedDesc
	to <- inHandDesc
	to <- doubtDesc
}

// Collect counts.
func (c checkCounts) Collect(to chan<- prometheus.Metric) {
	for v := probe.Impossible; v <= probe.Silent; v++ {
		to <- prometheus.MustNewConstMetric(checkedDesc, prometheus.CounterValue, float64(c.checking.watchman.Asked(v)), v.String())
	}
	stats := c.checking.rounds.Stats()
	to <- prometheus.MustNewConstMetric(inHandDesc, prometheus.GaugeValue, float64(stats.Checks), "share")
	to <- prometheus.MustNewConstMetric(inHandDesc, prometheus.GaugeValue, float64(stats.Asking), "asking")
	to <- prometheus.MustNewConstMetric(inHandDesc, prometheus.GaugeValue, float64(stats.Waiting), "waiting")
	doubts := 0.0
	if c.checking.watchman.Doubts() {
		doubts = 1
	}
	to <- prometheus.MustNewConstMetric(doubtDesc, prometheus.GaugeValue, doubts)
}
