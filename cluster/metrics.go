package cluster

import (
	"fmt"
	"time"

	metrics "github.com/armon/go-metrics"
	sink "github.com/armon/go-metrics/prometheus"
	"github.com/prometheus/client_golang/prometheus"
)

// forgetAfter is how long a figure of Raft's is shown after Raft has last written it.
const forgetAfter = time.Minute

// ExportRaftMetrics has Raft and memberlist write their own figures, whose names begin with muster_raft and
// muster_memberlist, to a Prometheus registry.
//
// Both know one sink a process, so this is for the program and not for a member: with several nodes in one process their
// figures are mixed. hashicorp/raft and memberlist write to armon/go-metrics unless they are built with a tag; a sink of
// hashicorp/go-metrics would stay empty.
func ExportRaftMetrics(to prometheus.Registerer) error {
	s, err := sink.NewPrometheusSinkFrom(sink.PrometheusOpts{Registerer: to, Expiration: forgetAfter})
	if err != nil {
		return fmt.Errorf("export Raft's metrics: %w", err)
	}
	config := metrics.DefaultConfig("muster")
	config.EnableHostname = false
	config.EnableRuntimeMetrics = false
	config.EnableTypePrefix = false
	if _, err := metrics.NewGlobal(config, s); err != nil {
		return fmt.Errorf("export Raft's metrics: %w", err)
	}
	return nil
}
