package trials

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// Both followers are frozen, and writes come to the leader, which has them in its log at once and is killed. Of those that it
// has acknowledged all must be there when the others go on without it. It can't have acknowledged any.
func TestAWriteThatOnlyTheLeaderHasIsNotAcknowledged(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	for n := range trials(t, 1) {
		leader := c.Leader()
		others := c.Others(leader)
		for _, p := range others {
			p.Pause()
		}
		acknowledged := writeBriefly(t, leader.HTTP, fmt.Sprintf("alone-%d", n))
		leader.Kill()
		for _, p := range others {
			p.Resume()
		}
		c.AwaitReady()
		if len(acknowledged) > 0 {
			t.Errorf("a leader that nobody follows has acknowledged %v", acknowledged)
		}
		for _, id := range acknowledged {
			answer, err := testcluster.Get(t.Context(), others[0].HTTP+wire.PathInstance("early", id)+"?consistency=linearizable")
			if err != nil || answer.Status != http.StatusOK {
				t.Errorf("%s was acknowledged and is lost: %d, %v", id, answer.Status, err)
			}
		}
		leader.Start()
		c.AwaitReady()
	}
	testcluster.RequireSameState(t, c)
}

// writeBriefly sends a few registrations at once, waits no longer than a leader alone may take itself for one, and returns
// which were acknowledged.
func writeBriefly(t *testing.T, node, id string) (acknowledged []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	const writes = 4
	done := make(chan string, writes)
	for n := range writes {
		go func() {
			id := fmt.Sprintf("%s-%d", id, n)
			answer, err := testcluster.Do(ctx, http.MethodPut, node+wire.PathInstance("early", id), `{"address": "10.0.0.9", "port": 8080}`)
			if err != nil || answer.Status >= 300 {
				id = ""
			}
			done <- id
		}()
	}
	for range writes {
		if id := <-done; id != "" {
			acknowledged = append(acknowledged, id)
		}
	}
	return acknowledged
}
