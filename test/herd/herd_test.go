package herd

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/child"
	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// partSize is how many clients share a process: their connections have to fit into its open files.
const partSize = 2_500

// herd is all clients, and the cluster that they lose.
type herd struct {
	t       *testing.T
	many    int
	ttl     time.Duration
	cluster *testcluster.Processes
	parts   []*child.Process
}

// gather registers as many clients as MUSTER_HERD says, with leases of the usual length; few with short ones, otherwise.
func gather(t *testing.T) *herd {
	t.Helper()
	h := &herd{t: t, many: int(dice.Number(t, "MUSTER_HERD", 0)), ttl: 15 * time.Second}
	if h.many == 0 {
		h.many, h.ttl = 200, 3*time.Second
	}
	h.cluster = testcluster.StartProcesses(t, 3)
	job := partJob{TTL: h.ttl, Gather: 10 * time.Minute}
	for _, p := range h.cluster.Nodes {
		job.Nodes = append(job.Nodes, p.HTTP)
	}
	for job.First = 0; job.First < h.many; job.First += job.Many {
		job.Many = min(partSize, h.many-job.First)
		p := child.Start(t, rolePart)
		if err := p.Tell(job); err != nil {
			t.Fatal(err)
		}
		h.parts = append(h.parts, p)
	}
	h.hear()
	return h
}

// stand asks all clients how they stand, once each has had a heartbeat after a moment and was registered again so often.
func (h *herd) stand(since time.Time, again int, within time.Duration) standing {
	h.t.Helper()
	for _, p := range h.parts {
		if err := p.Tell(question{since, again, within}); err != nil {
			h.t.Fatal(err)
		}
	}
	return h.hear()
}

func (h *herd) hear() standing {
	h.t.Helper()
	answers, errs := make([]standing, len(h.parts)), make([]error, len(h.parts))
	var hearing sync.WaitGroup
	for n, p := range h.parts {
		hearing.Go(func() { errs[n] = p.Hear(&answers[n]) })
	}
	hearing.Wait()
	all := standing{Reregistered: map[int]int{}, Calls: newCounts()}
	for n, s := range answers {
		if errs[n] != nil {
			h.t.Fatalf("a process of clients ended: %v", errs[n])
		}
		all.Unheard += s.Unheard
		all.Refused = append(all.Refused, s.Refused...)
		if all.First.IsZero() || s.First.Before(all.First) {
			all.First = s.First
		}
		if s.Last.After(all.Last) {
			all.Last = s.Last
		}
		for times, n := range s.Reregistered {
			all.Reregistered[times] += n
		}
		all.Calls.add(s.Calls)
	}
	return all
}

// requireWhole fails the test where a node does not show each client's instance, once, and healthy.
func (h *herd) requireWhole() {
	h.t.Helper()
	for _, p := range h.cluster.Nodes {
		answer, err := testcluster.Get(h.t.Context(), p.HTTP+"/v1/services/"+service+"?consistency=linearizable&status=any")
		if err != nil || answer.Status != http.StatusOK {
			h.t.Errorf("%s: %d %v", p.Name, answer.Status, err)
			continue
		}
		var found wire.Discovered
		if err := answer.Decode(&found); err != nil {
			h.t.Fatal(err)
		}
		healthy := map[string]bool{}
		for _, i := range found.Instances {
			if i.Status == registry.Healthy {
				healthy[i.ID] = true
			}
		}
		if len(found.Instances) != h.many || len(healthy) != h.many {
			h.t.Errorf("%s shows %d instances, of which %d are healthy, not %d", p.Name, len(found.Instances), len(healthy), h.many)
		}
	}
}

// memory is the most that a node has had in its life so far.
func memory(t *testing.T, p *testcluster.Process) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return "unknown memory"
	}
	for line := range strings.Lines(string(text)) {
		if peak, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(peak)
		}
	}
	return "unknown memory"
}

// All nodes die at once and stay away, for less time than the leases have and for more. All clients are back by themselves,
// without a single registration, since the registry has not forgotten them.
func TestAHerdComesBackWhenAllNodesWereAway(t *testing.T) {
	h := gather(t)
	for _, away := range []time.Duration{h.ttl / 3, h.ttl * 3 / 2} {
		began := time.Now()
		usual, _ := peak(h.stand(began, 0, 3*h.ttl).Calls.Answered, began, time.Now())
		for _, p := range h.cluster.Nodes {
			p.Kill()
		}
		time.Sleep(away) // the outage itself
		down := time.Now()
		for _, p := range h.cluster.Nodes {
			p.Start()
		}
		h.cluster.AwaitReady()
		h.requireBack(fmt.Sprintf("%d nodes away for %s", len(h.cluster.Nodes), away), down, usual, 0)
	}
}

// The registry forgets all instances, as after a restore of an old snapshot. Each client registers its own again, once.
func TestAHerdThatTheRegistryForgotRegistersAgain(t *testing.T) {
	h := gather(t)
	began := time.Now()
	usual, _ := peak(h.stand(began, 0, 3*h.ttl).Calls.Answered, began, time.Now())
	forgotten := time.Now()
	h.forget()
	h.requireBack("all forgotten", forgotten, usual, 1)
}

// forget deregisters everything, as an operator might by mistake.
func (h *herd) forget() {
	h.t.Helper()
	for first := 0; first < h.many; first += wire.MaxOperations {
		var operations []string
		for n := first; n < min(first+wire.MaxOperations, h.many); n++ {
			operations = append(operations, fmt.Sprintf(`{"deregister": {"service": %q, "id": "i%05d"}}`, service, n))
		}
		answer, err := testcluster.Do(h.t.Context(), http.MethodPost, h.cluster.Nodes[0].HTTP+wire.PathBatch, `{"operations": [`+strings.Join(operations, ",")+`]}`)
		if err != nil || answer.Status != http.StatusOK {
			h.t.Fatalf("%d %s %v", answer.Status, answer.Body, err)
		}
	}
}

// requireBack waits until all clients are heard again, and fails the test where one is lost or refused, a node fell over, or
// somebody was registered again more or less often than so.
func (h *herd) requireBack(what string, since time.Time, usual, again int) {
	h.t.Helper()
	ready := time.Now()
	s := h.stand(ready, again, 4*h.ttl+time.Minute) // patience, not a figure
	if s.Unheard > 0 {
		h.t.Errorf("%d clients are not heard again", s.Unheard)
	}
	if len(s.Refused) > 0 {
		h.t.Errorf("%d clients are refused: %s", len(s.Refused), s.Refused[0])
	}
	if s.Reregistered[again] != h.many {
		h.t.Errorf("how many were registered again how often: %v", maps.Clone(s.Reregistered))
	}
	h.requireWhole()
	var peaks []string
	for _, p := range h.cluster.Nodes {
		if !p.Running() {
			h.t.Errorf("%s fell over", p.Name)
			continue
		}
		peaks = append(peaks, memory(h.t, p))
	}
	most, all := peak(s.Calls.Answered, since, s.Last)
	writes, allWrites := peak(s.Calls.Writes, since, s.Last)
	vain, _ := peak(s.Calls.InVain, since, s.Last)
	slices.Sort(peaks)
	h.t.Logf("%s: ready %s after their start, all %d clients heard %s after that; calls in 100 ms: %d at most (%d before it), of which registrations %d; %d in vain; %d and %d in all; memory of the nodes at most %s",
		what, ready.Sub(since).Round(time.Millisecond), h.many, s.Last.Sub(ready).Round(time.Millisecond), most, usual, writes, vain, all, allWrites, strings.Join(peaks, ", "))
}
