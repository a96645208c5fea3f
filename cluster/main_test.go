package cluster

import (
	"flag"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The tests wait for each other's nodes more than they compute.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, lingering()...)
}

// lingering are the goroutines that a stop may leave behind, since nothing can end them: a probe of memberlist's that waits
// for its answer, for some seconds; and whoever waits for an answer that Raft, once shut down, never gives.
func lingering(others ...goleak.Option) []goleak.Option {
	return slices.Concat(others, []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probeNode"),
		goleak.IgnoreTopFunction("github.com/hashicorp/raft.(*deferError).Error"),
	})
}
