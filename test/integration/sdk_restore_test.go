package integration

import (
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/testcluster"
)

// A restore puts old data under the feet of those who watch, at an index of its own that is later than all before. So no watch is
// told of a new history; it sees nothing out of order, and ends with what the nodes have.
func TestThoseWhoWatchEndWithWhatARestoreBrought(t *testing.T) {
	cluster := testcluster.StartProcesses(t, 3)
	put := func(id string) {
		t.Helper()
		answer, err := testcluster.Do(t.Context(), "PUT", instanceURL(cluster.Nodes[0].HTTP, "payments", id), `{"address": "10.0.0.7", "port": 8080}`)
		if err != nil || answer.Status >= 300 {
			t.Fatal(answer.Status, err)
		}
	}
	put("p1")
	put("p2")
	file := filepath.Join(t.TempDir(), "saved")
	mustCommand(t, "snapshot", "save", file, "--addr", cluster.Nodes[0].HTTP)
	put("p3")
	answer, err := testcluster.Do(t.Context(), "DELETE", instanceURL(cluster.Nodes[0].HTTP, "payments", "p1"), "")
	if err != nil || answer.Status >= 300 {
		t.Fatal(answer.Status, err)
	}

	type view struct {
		ids   string
		index uint64
		fresh int // how often it was told of a new history
	}
	var mu sync.Mutex
	views := make([]view, len(cluster.Nodes))
	for n, node := range cluster.Nodes {
		k := sdk(t, node.HTTP)
		go func() {
			for s, err := range k.Watch(t.Context(), "payments") {
				mu.Lock()
				v := &views[n]
				switch {
				case errors.Is(err, client.ErrNewHistory):
					v.fresh++
				case err == nil:
					if s.Index < v.index {
						t.Errorf("the watch at %s went from %d back to %d", node.Name, v.index, s.Index)
					}
					v.ids, v.index = "", s.Index
					for _, i := range s.Instances {
						v.ids += i.ID + " "
					}
				}
				mu.Unlock()
			}
		}()
	}
	all := func(ids string, fresh int) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return !slices.ContainsFunc(views, func(v view) bool { return v.ids != ids || v.fresh != fresh })
		}
	}
	comesTrue(t, 20*time.Second, "all have p2 and p3", all("p2 p3 ", 0))
	mustCommand(t, "snapshot", "restore", file, "--addr", cluster.Others(cluster.Leader())[0].HTTP)
	took := comesTrue(t, 30*time.Second, "all have p1 and p2 again", all("p1 p2 ", 0))
	t.Logf("all have the restored state %s after the restore", took)
	put("p4")
	comesTrue(t, 20*time.Second, "all go on from there", all("p1 p2 p4 ", 0))
}
