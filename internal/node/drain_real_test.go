package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/onlooker"
	"github.com/musterhq/muster/internal/wire"
)

// drainOf deregisters an instance of payments by way of a node, with a drain, and tells how long the answer took.
func drainOf(t *testing.T, n *Node, id string, drain time.Duration) (wire.Deregistered, time.Duration) {
	t.Helper()
	target := "http://" + n.HTTPAddr() + wire.PathInstance("payments", id) + "?drain=" + drain.String()
	request, err := nethttp.NewRequestWithContext(t.Context(), nethttp.MethodDelete, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	response, err := nethttp.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	took := time.Since(began)
	_ = response.Body.Close()
	var answer wire.Deregistered
	if err != nil || response.StatusCode != nethttp.StatusOK || json.Unmarshal(body, &answer) != nil || answer.Drained == nil {
		t.Fatalf("answered %s %s: %v", response.Status, body, err)
	}
	return answer, took
}

// onlookers has n acknowledging watchers of payments, w0 and so on, spread over the nodes, and waits until each has confirmed
// what it was shown first.
func onlookers(t *testing.T, nodes []*Node, n int) (*onlooker.Crowd, []*onlooker.Onlooker) {
	t.Helper()
	crowd := onlooker.NewCrowd(t)
	watching := make([]*onlooker.Onlooker, n)
	for i := range watching {
		watching[i] = crowd.Watch("http://"+nodes[i%len(nodes)].HTTPAddr(), "payments", fmt.Sprint("w", i), 0)
	}
	awaitConfirmed(t, watching, 1)
	return crowd, watching
}

func awaitConfirmed(t *testing.T, watching []*onlooker.Onlooker, index uint64) {
	t.Helper()
	eventually.Succeeds(t, patience, func() error {
		for _, o := range watching {
			if o.Confirmed() < index {
				return fmt.Errorf("%s has confirmed %d, not %d yet", o.Name, o.Confirmed(), index)
			}
		}
		return nil
	})
}

func TestADrainOverThreeNodesIsAnsweredAfterTheLastOfTwoHundredHasConfirmed(t *testing.T) {
	nodes := startThree(t)
	for i := range 6 {
		register(t, nodes[i%3], fmt.Sprint("p", i))
	}
	_, watching := onlookers(t, nodes, 200)
	for i := range 4 {
		answer, took := drainOf(t, nodes[i%3], fmt.Sprint("p", i), 30*time.Second)
		for _, o := range watching {
			if o.Applied() < answer.Index {
				t.Errorf("%s has read only %d of %d when the answer comes", o.Name, o.Applied(), answer.Index)
			}
		}
		if diff := cmp.Diff(&wire.Drained{Confirmed: 200, Unconfirmed: []string{}}, answer.Drained); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		t.Logf("200 watchers had confirmed and the answer was there after %s", took.Round(100*time.Microsecond))
	}
	watching[17].Freeze()
	answer, took := drainOf(t, nodes[0], "p4", 5*time.Second)
	if diff := cmp.Diff(&wire.Drained{Confirmed: 199, Unconfirmed: []string{"w17"}}, answer.Drained); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if took < 5*time.Second {
		t.Errorf("w17 was given up after %s", took)
	}
	t.Logf("with one of them frozen, the answer of a drain of 5s was there after %s", took.Round(100*time.Microsecond))
}

func TestAWatcherThatMovesToAnotherNodeDuringADrainIsNotNamed(t *testing.T) {
	nodes := startThree(t)
	register(t, nodes[0], "p0")
	register(t, nodes[0], "p1")
	crowd, watching := onlookers(t, nodes, 3)
	watching[1].Leave()
	before := nodes[2].State().Index()
	var moving sync.WaitGroup
	moving.Go(func() {
		if err := nodes[2].Await(t.Context(), before+1); err != nil { // until the deregistration is done
			t.Error(err)
		}
		crowd.Watch("http://"+nodes[2].HTTPAddr(), "payments", "w1", watching[1].Confirmed())
	})
	answer, took := drainOf(t, nodes[0], "p0", 30*time.Second)
	moving.Wait()
	if diff := cmp.Diff(&wire.Drained{Confirmed: 3, Unconfirmed: []string{}}, answer.Drained); diff != "" {
		t.Errorf("after %s (-want +got)\n%s", took, diff)
	}
	watching[2].Leave()
	answer, _ = drainOf(t, nodes[1], "p1", time.Second)
	if diff := cmp.Diff(&wire.Drained{Confirmed: 2, Unconfirmed: []string{"w2"}}, answer.Drained); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestANodeThatStopsDuringADrainAnswersItWithWhatIsKnown(t *testing.T) {
	nodes := startThree(t)
	register(t, nodes[0], "p0")
	_, watching := onlookers(t, nodes, 3)
	for _, o := range watching {
		o.Freeze()
	}
	stops := followersOf(nodes, leaderOf(t, nodes))[0]
	before := stops.State().Index()
	var stopping sync.WaitGroup
	stopping.Go(func() {
		if err := errors.Join(stops.Await(t.Context(), before+1), stops.Close(t.Context())); err != nil {
			t.Error(err)
		}
	})
	answer, took := drainOf(t, stops, "p0", time.Minute)
	stopping.Wait()
	if answer.Index <= before || len(answer.Unconfirmed) == 0 || took > patience {
		t.Errorf("after %s: index %d, %+v", took, answer.Index, answer.Drained)
	}
}
