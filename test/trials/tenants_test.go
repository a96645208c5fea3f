package trials

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// tenant is an instance with a lease. It lives from its registration until it is stopped, and never again after that.
type tenant struct {
	id           string
	acknowledged time.Time // when the last heartbeat was sent that was acknowledged
	tried        time.Time // when the last try to send one was over
	stopped      bool
}

// tenants are kept alive by agents, each of which sends heartbeats for a part of them in batches, to a node of its own as long
// as that answers.
type tenants struct {
	t     *testing.T
	ttl   time.Duration
	nodes []string

	mu      sync.Mutex
	byID    map[string]*tenant
	living  []*tenant
	sent    int // heartbeats acknowledged
	retried int // batches that went to another node
}

// registerTenants registers n instances.
func registerTenants(t *testing.T, c *testcluster.Processes, n int, ttl time.Duration) *tenants {
	t.Helper()
	all := &tenants{t: t, ttl: ttl, byID: map[string]*tenant{}}
	for _, p := range c.Nodes {
		all.nodes = append(all.nodes, p.HTTP)
	}
	for at := 0; at < n; at += wire.MaxOperations {
		var operations []string
		for i := at; i < min(at+wire.MaxOperations, n); i++ {
			of := &tenant{id: fmt.Sprintf("t%05d", i)}
			all.byID[of.id], all.living = of, append(all.living, of)
			operations = append(operations, fmt.Sprintf(
				`{"register": {"service": "tenants", "id": %q, "address": "10.0.0.7", "port": 8080, "lease": {"ttl": %q}}}`, of.id, ttl))
		}
		sent := time.Now()
		body := `{"operations": [` + strings.Join(operations, ",") + `]}`
		answer, err := testcluster.Do(t.Context(), http.MethodPost, all.nodes[0]+wire.PathBatch, body)
		if err != nil || answer.Status != http.StatusOK {
			t.Fatalf("register tenants: %d %s %v", answer.Status, answer.Body, err)
		}
		for _, of := range all.living[at:] {
			of.acknowledged, of.tried = sent, time.Now() // a registration counts as a heartbeat
		}
	}
	return all
}

// agent sends the heartbeats of a part of the tenants until ctx ends.
func (all *tenants) agent(ctx context.Context, mine []*tenant, node int) {
	for ctx.Err() == nil {
		began := time.Now()
		for !all.beat(mine, all.nodes[node%len(all.nodes)]) && ctx.Err() == nil {
			node++
			all.mu.Lock()
			all.retried++
			all.mu.Unlock()
			time.Sleep(20 * time.Millisecond) // where all nodes refuse at once
		}
		select {
		case <-time.After(time.Until(began.Add(all.ttl / 3))):
		case <-ctx.Done():
		}
	}
}

// beat sends one batch to a node.
func (all *tenants) beat(mine []*tenant, node string) bool {
	var beats wire.Heartbeats
	var of []*tenant
	all.mu.Lock()
	for _, one := range mine {
		if !one.stopped {
			of = append(of, one)
			beats.Instances = append(beats.Instances, wire.Heartbeat{Service: "tenants", ID: one.id})
		}
	}
	all.mu.Unlock()
	if len(of) == 0 {
		return true
	}
	body, err := json.Marshal(beats)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), all.ttl/4)
	defer cancel()
	sent := time.Now()
	answer, err := testcluster.Do(ctx, http.MethodPost, node+wire.PathHeartbeats, string(body))
	var renewal wire.Renewal
	ok := err == nil && answer.Status == http.StatusOK
	if ok {
		err = answer.Decode(&renewal)
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, one := range of {
		one.tried = time.Now()
		if ok {
			one.acknowledged = sent
		}
	}
	if ok && (err != nil || renewal.Renewed != len(of)) {
		all.t.Errorf("%s renewed %d of %d leases: %s %v", node, renewal.Renewed, len(of), answer.Body, err)
	}
	if ok {
		all.sent += len(of)
	}
	return ok
}

// stop lets some tenants die, from now on.
func (all *tenants) stop(n int) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, one := range all.living[:n] {
		one.stopped = true
	}
	all.living = all.living[n:]
}
