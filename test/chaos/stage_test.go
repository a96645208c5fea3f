package chaos

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
)

// setStage starts a cluster, of which each node has a disk of its own where the test may mount some, and a node beside it that
// may join. What this machine can't do is left out, and said.
func setStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, random: dice.New(t)}
	s.can = slices.Concat(faults, memberMischief, watcherMischief, pairs)
	flags := frequentSnapshots
	if os.Geteuid() == 0 {
		flags = slices.Concat(flags, []string{"--disk-reserve", "24MiB"})
		s.startOnDisks(t, flags)
		s.can = append(s.can, diskMischief...)
	} else {
		t.Log("NOT TESTED: disks that fail, stall or fill up, for which it must run as root")
		s.Wires = testcluster.StartWired(t, 3, flags...)
	}
	s.guest = s.Prepare(flags...)
	if err := s.OpenSky(); err != nil {
		t.Logf("NOT TESTED: weather: %v", err)
	} else {
		s.can = append(s.can, weatherMischief...)
	}
	s.limit(os.Getenv("MUSTER_CHAOS_ONLY"))
	return s
}

// startOnDisks starts a cluster of which each node has a disk of its own.
func (s *stage) startOnDisks(t *testing.T, flags []string) {
	t.Helper()
	var disks []*testcluster.Disk
	var data []string
	for n := range 3 {
		disks = append(disks, testcluster.NewDisk(t, 1024))
		data = append(data, filepath.Join(disks[n].Path, "data"))
	}
	s.Wires = testcluster.StartWiredIn(t, data, flags...)
	s.disks = map[*testcluster.Process]*testcluster.Disk{}
	for n, p := range s.Nodes {
		s.disks[p] = disks[n]
	}
}

// limit leaves, to be drawn, what has one of some words in its name; they are divided by commas. None leave all.
func (s *stage) limit(words string) {
	s.t.Helper()
	if words == "" {
		return
	}
	s.can = slices.DeleteFunc(s.can, func(m mischief) bool {
		return !slices.ContainsFunc(strings.Split(words, ","), func(word string) bool { return strings.Contains(m.name, word) })
	})
	if len(s.can) == 0 {
		s.t.Fatalf("nothing that can be done here is called %q: name words of what the end of a run lists", words)
	}
}

// draw draws what goes wrong next.
func (s *stage) draw() mischief { return s.can[s.random.IntN(len(s.can))] }
