package cluster_test

import (
	"testing"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/testcluster"
)

// The power goes right after a node has promised itself to a cluster. It must not promise itself to another one afterwards,
// so not only the file must be on the disk but also its name.
func TestAPromiseOutlivesAPowerCut(t *testing.T) {
	disk := testcluster.NewDisk(t, 16)
	if err := cluster.Vow(disk.Path, "the-first"); err != nil {
		t.Fatal(err)
	}
	disk.CutPower()
	disk.Restore()
	kept, err := cluster.Vowed(disk.Path)
	if err != nil || kept != "the-first" {
		t.Errorf("the node has promised itself to %q, %v", kept, err)
	}
	if err := cluster.Vow(disk.Path, "the-second"); err == nil {
		t.Error("the node promises itself to another cluster")
	}
}
