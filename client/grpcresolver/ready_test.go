package grpcresolver

import (
	"testing"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// told returns a set and a chooser of it.
func told(t *testing.T) (*readySet, *lb.Balancer) {
	t.Helper()
	ready := newReadySet("payments")
	chooser, err := lb.New("round-robin", ready)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chooser.Close() })
	return ready, chooser
}

// TestWhatIsToldIsInUseAtOnce has two connections take turns in being ready, with never a call between that could wait.
func TestWhatIsToldIsInUseAtOnce(t *testing.T) {
	ready, chooser := told(t)
	defer ready.close()
	service := chooser.Service("payments")
	a := &registry.Instance{Service: "payments", ID: "a", Address: "10.0.0.1", Port: 1, Status: registry.Healthy}
	b := &registry.Instance{Service: "payments", ID: "b", Address: "10.0.0.2", Port: 1, Status: registry.Healthy}
	for n := range 500 {
		well := a
		if n%2 == 1 {
			well = b
		}
		ready.tell([]member{{a, well == a}, {b, well == b}}, service)
		for range 2 {
			call, err := service.Acquire(t.Context(), lb.Query{})
			if err != nil {
				t.Fatal(err)
			}
			if id := call.Instance().ID; id != well.ID {
				t.Fatalf("set %d: %s was chosen, which has no connection", n, id)
			}
			call.Done(lb.Outcome{Verdict: lb.Neutral})
		}
	}
	if a.Status != registry.Healthy || b.Status != registry.Healthy {
		t.Error("an instance of the resolver's was changed")
	}
}

func TestNobodyWaitsForAChooserThatIsClosed(t *testing.T) {
	ready, chooser := told(t)
	_ = chooser.Close()
	ready.close()
	a := &registry.Instance{Service: "payments", ID: "a", Address: "10.0.0.1", Port: 1, Status: registry.Healthy}
	for range 2 {
		ready.tell([]member{{a, true}}, chooser.Service("payments")) // or the test hangs
	}
}
