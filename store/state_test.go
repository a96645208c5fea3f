package store

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// imageOf is the image of a state, as a node would make it.
func imageOf(s *registry.State) Image {
	image := Image{ClusterID: "01J0CLUSTER", Index: s.Index(), Term: 3 + s.Index()/10, State: s}
	for service := range s.Services() {
		for i := range service.Instances() {
			image.Hash.Add(i)
		}
	}
	return image
}

// shape is all of an image that can be compared: the canonical bytes of every instance, and the index of every service.
type shape struct {
	ClusterID   string
	Index, Term uint64
	Hash        record.Hash
	Services    map[string]uint64
	Instances   map[string]string
}

func shapeOf(image Image) shape {
	s := shape{
		ClusterID: image.ClusterID, Index: image.Index, Term: image.Term, Hash: image.Hash,
		Services: map[string]uint64{}, Instances: map[string]string{},
	}
	for service := range image.State.Services() {
		s.Services[service.Name()] = service.Index()
		for i := range service.Instances() {
			s.Instances[service.Name()+"\x00"+i.ID] = string(record.Append(nil, i))
		}
	}
	return s
}

// edited is a state after n random changes, each at an index of its own: registrations, reports, maintenance, and every
// third one a removal. The same source of randomness gives the same changes.
func edited(s *registry.State, random *rand.Rand, n int) *registry.State {
	services := []string{"a", "a.b", "a:1", "b/c", "payments"}
	edit := s.Edit()
	for index := s.Index() + 1; index <= s.Index()+uint64(n); index++ {
		service, id := services[random.IntN(len(services))], fmt.Sprintf("%s-%03d", services[random.IntN(2)], random.IntN(60))
		_, err := edit.Apply(index, operation(random, service, id))
		if err != nil {
			edit.SetIndex(index) // it was about an instance that is not there
		}
	}
	return edit.Commit()
}

func operation(random *rand.Rand, service, id string) registry.Operation {
	switch random.IntN(6) {
	case 0, 1:
		return registry.Deregister{Service: service, ID: id}
	case 2:
		return registry.ReportHealth{Service: service, ID: id, Report: registry.Report{Status: registry.Unhealthy, Output: "no answer"}}
	case 3:
		return registry.SetMaintenance{Service: service, ID: id, Maintenance: registry.Maintenance{Enabled: true, Reason: "deploy"}}
	default:
		return registry.Register{Instance: registry.Instance{
			Service: service, ID: id, Address: "10.0.0.7", Port: 1 + random.IntN(65_535), Weight: 100,
			Metadata: map[string]string{"padding": strings.Repeat("x", random.IntN(900))}, Status: registry.Healthy,
		}}
	}
}

// populated is a state of n instances in services of ten.
func populated(n int) *registry.State {
	edit := registry.NewState().Edit()
	for k := range n {
		edit.Put(&registry.Instance{
			Service: fmt.Sprintf("service-%05d", k/10), ID: fmt.Sprintf("10.0.%d.%d:8080", k/250%250, k%250), Address: "10.0.0.7", Port: 8080,
			Zone: "eu-1a", Weight: 100, Tags: []string{"v2", "canary"}, Metadata: map[string]string{"version": "2.3.1", "team": "billing"},
			Checks: []registry.Check{{Name: "http", Type: registry.CheckHTTP, Path: "/health", Interval: 1e10, Timeout: 2e9, Rise: 1, Fall: 3,
				Status: registry.Healthy, Output: "200 OK"}},
			Status: registry.Healthy, CreateIndex: uint64(k + 1), ModifyIndex: uint64(k + 1), Incarnation: uint64(k + 1),
		})
	}
	edit.SetIndex(uint64(n))
	return edit.Commit()
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "checkpoint.db") }

// opened opens the file and closes it with the test.
func opened(t testing.TB, path string) *Checkpoint {
	t.Helper()
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func loaded(t testing.TB, c *Checkpoint) Image {
	t.Helper()
	image, err := c.Load()
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func mustSave(t testing.TB, c *Checkpoint, image Image) {
	t.Helper()
	if err := c.Save(image); err != nil {
		t.Fatal(err)
	}
}

// read opens a file, loads it, and closes it again.
func read(path string) (Image, error) {
	c, err := Open(path)
	if err != nil {
		return Image{}, err
	}
	image, err := c.Load()
	if closing := c.Close(); err == nil {
		err = closing
	}
	return image, err
}

func wantImage(t testing.TB, got, want Image) {
	t.Helper()
	if diff := cmp.Diff(shapeOf(want), shapeOf(got)); diff != "" {
		t.Fatalf("the image (-want +got):\n%s", diff)
	}
}
