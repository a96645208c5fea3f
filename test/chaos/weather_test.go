package chaos

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// Weather that nobody feels would prove nothing: it must be felt on its way, on no other, and until the ways are healed.
func TestWeatherIsFeltOnItsWayAlone(t *testing.T) {
	if !testcluster.InNamespace() {
		t.Skip("NOT RUN: this machine gives tests no network of their own")
	}
	w := testcluster.StartWired(t, 3)
	if err := w.OpenSky(); err != nil {
		t.Skipf("NOT TESTED: weather: %v", err)
	}
	from, to, other := w.Nodes[0], w.Nodes[1], w.Nodes[2]
	const late = time.Second
	w.Weather(from, to, testcluster.Weather{Delay: late, Duplicates: 0.5}, 1)
	if err := reach(t, from, to, 4*late); err != nil {
		t.Errorf("what is late and comes twice comes: %v", err)
	}
	if reach(t, from, to, late/2) == nil {
		t.Errorf("nothing is late")
	}
	if err := reach(t, from, other, late); err != nil {
		t.Errorf("another way has the weather too: %v", err)
	}
	w.Weather(from, to, testcluster.Weather{Loss: 1}, 1)
	if reach(t, from, to, late) == nil {
		t.Errorf("all is lost, and something comes")
	}
	w.Heal()
	if err := reach(t, from, to, late); err != nil {
		t.Errorf("the weather stays: %v", err)
	}
}

// reach has one node's machine connect to another within a time.
func reach(t *testing.T, from, to *testcluster.Process, within time.Duration) error {
	t.Helper()
	return exec.CommandContext(t.Context(), "nsenter", "--net=/run/netns/"+from.Name, //nolint:gosec // the harness made the names
		"curl", "-s", "-o", "/dev/null", "--connect-timeout", fmt.Sprint(within.Seconds()), to.HTTP+"/healthz").Run()
}

// weatherMischief is what becomes of links that are bad and not cut.
var weatherMischief = []mischief{
	{"weather between all nodes", func(s *stage) func() {
		return s.wires(func() {
			for _, from := range s.Nodes {
				for _, to := range s.Others(from) {
					s.Weather(from, to, s.weather(), s.random.Uint64())
				}
			}
		})
	}},
	{"weather on one way", func(s *stage) func() {
		return s.wires(func() {
			from := s.any()
			others := s.Others(from)
			s.Weather(from, others[s.random.IntN(len(others))], s.weather(), s.random.Uint64())
		})
	}},
	{"weather on all that the leader sends", func(s *stage) func() {
		return s.wires(func() {
			leader := s.Leader()
			for _, to := range s.Others(leader) {
				s.Weather(leader, to, s.weather(), s.random.Uint64())
			}
		})
	}},
}

// weather draws from a breeze to a storm.
func (s *stage) weather() testcluster.Weather {
	return testcluster.Weather{
		Delay:      s.between(0, 150*time.Millisecond),
		Jitter:     s.between(0, 150*time.Millisecond),
		Loss:       0.3 * s.random.Float64(),
		Duplicates: 0.3 * s.random.Float64(),
	}
}
