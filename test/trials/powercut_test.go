package trials

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
)

// The power of all nodes goes at once, in the middle of writes. What was acknowledged is on the disks of a majority, and on
// a disk is what was synced.
func TestAPowerCutOfAllNodesLosesNothing(t *testing.T) {
	var disks []*testcluster.Disk
	var data []string
	for range 3 {
		d := testcluster.NewDisk(t, 128)
		disks = append(disks, d)
		data = append(data, filepath.Join(d.Path, "data"))
	}
	c := testcluster.StartProcessesIn(t, data, frequentSnapshots...)
	random := dice.New(t)
	l := startLoad(t, c, 8)
	n := trials(t, 2)
	for range n {
		l.await(20)
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond) // any moment
		cutPower(disks)
		for i, p := range c.Nodes {
			p.Kill() // what its memory knew is lost as well
			disks[i].Restore()
		}
		for _, p := range c.Nodes {
			p.Start()
		}
		c.AwaitReady()
		l.requireNothingLost(c.Nodes[random.IntN(3)].HTTP)
	}
	l.end()
	for _, p := range c.Nodes {
		l.requireNothingLost(p.HTTP)
	}
	testcluster.RequireSameState(t, c)
	t.Logf("%d power cuts: %d writes acknowledged, %d tries left open and sent again, nothing lost", n, l.acknowledged(), l.retried())
}

// cutPower cuts the power of all disks in the same moment.
func cutPower(disks []*testcluster.Disk) {
	var cuts sync.WaitGroup
	for _, d := range disks {
		cuts.Go(d.CutPower)
	}
	cuts.Wait()
}
