package checks

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// stage is a cluster and what it checks.
type stage struct {
	*testcluster.Wires
	t testing.TB
}

func setStage(t *testing.T) *stage {
	t.Helper()
	requireNetwork(t)
	return &stage{testcluster.StartWired(t, 3), t}
}

// usual is a check that finds things out fast.
const usual = `{"type": "http", "interval": "1s", "timeout": "500ms", "fall": 2}`

// register registers an instance at each address, with a check, unless that is empty. Its id is its address.
func (s *stage) register(service, check string, addresses ...string) {
	s.t.Helper()
	for len(addresses) > 0 {
		some := addresses[:min(len(addresses), wire.MaxOperations)]
		addresses = addresses[len(some):]
		operations := make([]string, len(some))
		for n, address := range some {
			operations[n] = fmt.Sprintf(`{"register": {"service": %q, "id": %q, "address": %q, "port": 80, "checks": [%s]}}`,
				service, address, address, check)
		}
		body := `{"operations": [` + strings.Join(operations, ",") + `]}`
		answer, err := testcluster.Do(s.t.Context(), http.MethodPost, s.Nodes[0].HTTP+wire.PathBatch, body)
		if err != nil || answer.Status != http.StatusOK {
			s.t.Fatalf("register: %d %s %v", answer.Status, answer.Body, err)
		}
	}
}

// discover is what a node shows of all instances of a service.
func (s *stage) discover(node *testcluster.Process, service string) (found wire.Discovered) {
	s.t.Helper()
	s.get(node.HTTP+"/v1/services/"+service+"?status=any", &found)
	return found
}

// history is how an instance came to be as it is.
func (s *stage) history(service, id string) []wire.Transition {
	s.t.Helper()
	var h wire.History
	s.get(s.Leader().HTTP+wire.PathHistory(service, id), &h)
	return h.Transitions
}

func (s *stage) get(url string, into any) {
	s.t.Helper()
	answer, err := testcluster.Get(s.t.Context(), url)
	if err == nil && answer.Status == http.StatusOK {
		err = answer.Decode(into)
	}
	if err != nil || answer.Status != http.StatusOK {
		s.t.Fatalf("%s: %d %s %v", url, answer.Status, answer.Body, err)
	}
}

// awaitHealthy waits until all running nodes show so many instances as healthy, and returns how long it took.
func (s *stage) awaitHealthy(service string, many int, patience time.Duration) time.Duration {
	s.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	err := testcluster.Poll(ctx, func(context.Context) error {
		for _, p := range s.Nodes {
			if p.Running() {
				if healthy := count(s.discover(p, service), registry.Healthy); healthy != many {
					return fmt.Errorf("%s shows %d instances of %s as healthy, not %d", p.Name, healthy, service, many)
				}
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatalf("after %s: %v", patience, err)
	}
	return time.Since(began)
}

func count(found wire.Discovered, of registry.Status) (n int) {
	for _, i := range found.Instances {
		if i.Status == of {
			n++
		}
	}
	return n
}

// addressOf is where questions of a node come from.
func addressOf(p *testcluster.Process) string { return hostOf(strings.TrimPrefix(p.HTTP, "http://")) }

// addresses are the first of a site.
func addresses(site *testcluster.Site, many int) (all []string) {
	for n := range many {
		all = append(all, site.Address(n))
	}
	return all
}
