package cluster

import (
	"fmt"
	"testing"

	"github.com/musterhq/muster/internal/eventually"
)

func TestNeighboursThatTurnOutToBelongElsewhereAreNoneAnyMore(t *testing.T) {
	t.Parallel()
	var met []*gossip
	for _, name := range []string{"a", "b", "c"} {
		g, err := openGossip(Config{GossipAddr: "127.0.0.1:0", Log: new(notebook).log()}, name, meta{Label: name, Peer: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := g.close(goodbyeTimeout); err != nil {
				t.Error(err)
			}
		})
		if len(met) > 0 {
			if err := g.join(met[0].address); err != nil {
				t.Fatal(err)
			}
		}
		met = append(met, g)
	}
	requireNeighbours(t, met, 3, 3, 3)
	met[0].say(func(m *meta) { m.ClusterID = "first" })
	met[1].say(func(m *meta) { m.ClusterID = "second" })
	requireNeighbours(t, met, 2, 2, 3) // c belongs to none, and may come to either
	met[2].say(func(m *meta) { m.ClusterID = "first" })
	requireNeighbours(t, met, 2, 1, 2)
}

func requireNeighbours(t *testing.T, of []*gossip, want ...int) {
	t.Helper()
	for i, g := range of {
		eventually.Succeeds(t, patience, func() error {
			if got := g.neighbours(); len(got) != want[i] {
				return fmt.Errorf("%s has the neighbours %v, where %d are due", g.mine.Label, got, want[i])
			}
			return nil
		})
	}
}
