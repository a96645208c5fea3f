package checks

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// spectator watches a service and keeps what it sees.
type spectator struct {
	mu        sync.Mutex
	shown     map[string]registry.Status
	left      []time.Time    // when an instance ceased to be healthy
	changes   map[string]int // of what is shown, by instance
	preserved *wire.Preservation
	everKept  bool // preserved was shown
}

// watch begins to watch at a node, until the test ends.
func watch(t *testing.T, node *testcluster.Process, service string) *spectator {
	t.Helper()
	s := &spectator{shown: map[string]registry.Status{}, changes: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, node.HTTP+"/v1/watch?service="+service, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/x-ndjson")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer func() { _ = response.Body.Close() }()
		for events := json.NewDecoder(response.Body); ; {
			var e event
			if events.Decode(&e) != nil {
				return
			}
			s.see(&e)
		}
	})
	t.Cleanup(func() {
		cancel()
		reading.Wait()
	})
	return s
}

// event is as much of one as a spectator needs.
type event struct {
	Event string
	Data  struct {
		Instances, Upserted []registry.Instance
		Preserved           *wire.Preservation
	}
}

func (s *spectator) see(e *event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Event != "snapshot" && e.Event != "delta" {
		return
	}
	s.preserved = e.Data.Preserved
	s.everKept = s.everKept || s.preserved != nil
	for _, i := range append(e.Data.Instances, e.Data.Upserted...) {
		was, known := s.shown[i.ID]
		s.shown[i.ID] = i.Status
		if !known || was == i.Status {
			continue
		}
		s.changes[i.ID]++
		if was == registry.Healthy {
			s.left = append(s.left, time.Now())
		}
	}
}

// mostWithin is how many instances ceased to be healthy within any window.
func (s *spectator) mostWithin(window time.Duration) (most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for first, from := range s.left {
		n := 0
		for _, at := range s.left[first:] {
			if at.Sub(from) < window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// reason is why instances are kept, empty while none is.
func (s *spectator) reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.preserved == nil {
		return ""
	}
	return s.preserved.Reason
}

func (s *spectator) changesOf(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changes[id]
}
