package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// await polls for what must come, with the patience that a busy machine needs.
func await(t testing.TB, try func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := testcluster.Poll(ctx, try); err != nil {
		t.Fatal(err)
	}
}

// cluster is the cluster as a node describes it.
func cluster(ctx context.Context, node string) (wire.Cluster, error) {
	var c wire.Cluster
	answer, err := testcluster.Get(ctx, node+"/v1/cluster")
	if err == nil {
		err = answer.Decode(&c)
	}
	return c, err
}

// awaitMembers waits until a node sees exactly these members, each as label:role, and returns them by label.
func awaitMembers(t testing.TB, node *testcluster.Process, want ...string) map[string]wire.Node {
	t.Helper()
	slices.Sort(want)
	members := map[string]wire.Node{}
	await(t, func(ctx context.Context) error {
		c, err := cluster(ctx, node.HTTP)
		if err != nil {
			return err
		}
		var got []string
		for _, n := range c.Nodes {
			got = append(got, n.ID+":"+n.Role)
			members[n.ID] = n
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s sees the members %v, where %v are due", node.Name, got, want)
		}
		return nil
	})
	return members
}

// command runs the program and returns what it printed, on either output, and how it ended.
func command(t testing.TB, args ...string) (output string, err error) {
	t.Helper()
	b, err := exec.CommandContext(t.Context(), testcluster.Binary(t), args...).CombinedOutput()
	return string(b), err
}

// mustCommand is [command] where it must succeed.
func mustCommand(t testing.TB, args ...string) string {
	t.Helper()
	output, err := command(t, args...)
	if err != nil {
		t.Fatalf("muster %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// stream registers instance after instance until it is ended, by way of all the nodes in turn that it is given, and goes on
// to the next node where one does not answer. It keeps what was acknowledged.
type stream struct {
	t    *testing.T
	stop context.CancelFunc
	done sync.WaitGroup

	mu           sync.Mutex
	nodes        []string
	acknowledged []string
	longest      time.Duration // that a registration took, with all its tries
}

func startStream(t *testing.T, nodes ...*testcluster.Process) *stream {
	ctx, stop := context.WithCancel(t.Context())
	s := &stream{t: t, stop: stop}
	s.through(nodes...)
	for writer := range 4 {
		s.done.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				s.register(ctx, fmt.Sprintf("w%d-%05d", writer, n))
			}
		})
	}
	t.Cleanup(s.end)
	return s
}

// through changes the nodes that are written to.
func (s *stream) through(nodes ...*testcluster.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes = nil
	for _, p := range nodes {
		s.nodes = append(s.nodes, p.HTTP)
	}
}

func (s *stream) register(ctx context.Context, id string) {
	began := time.Now()
	for try := 0; ctx.Err() == nil; try++ {
		s.mu.Lock()
		node := s.nodes[(len(s.acknowledged)+try)%len(s.nodes)]
		s.mu.Unlock()
		answer, err := tryRegister(ctx, node, "payments", id)
		if err == nil && (answer.Status == http.StatusOK || answer.Status == http.StatusCreated) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.acknowledged = append(s.acknowledged, id)
			s.longest = max(s.longest, time.Since(began))
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// progress waits until so many more registrations were acknowledged.
func (s *stream) progress(more int) {
	s.t.Helper()
	s.mu.Lock()
	wanted := len(s.acknowledged) + more
	s.mu.Unlock()
	await(s.t, func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.acknowledged) < wanted {
			return errors.New("the cluster takes no writes")
		}
		return nil
	})
}

// soFar is what was acknowledged up to now.
func (s *stream) soFar() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acknowledged)
}

func (s *stream) end() {
	s.stop()
	s.done.Wait()
}

// requireAll checks that a node shows everything that was acknowledged.
func (s *stream) requireAll(node *testcluster.Process) {
	s.t.Helper()
	var shown struct{ Instances []registry.Instance }
	await(s.t, func(ctx context.Context) error {
		answer, err := testcluster.Get(ctx, node.HTTP+"/v1/services/payments?consistency=linearizable")
		if err == nil && answer.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", answer.Status, answer.Body)
		}
		if err == nil {
			err = answer.Decode(&shown)
		}
		return err
	})
	ids := map[string]bool{}
	for _, i := range shown.Instances {
		ids[i.ID] = true
	}
	for _, id := range s.acknowledged {
		if !ids[id] {
			s.t.Fatalf("%s was acknowledged and %s does not show it", id, node.Name)
		}
	}
}
