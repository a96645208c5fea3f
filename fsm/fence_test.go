package fsm

import (
	"errors"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// A leader was held up after it had decided that a lease is over, and its decision came into the log under the next leader,
// which has granted the lease its full time.
func TestADecisionOfAnEarlierTermDoesNothing(t *testing.T) {
	m := newMachine()
	leased := registerOp("orders", "i1", "1")
	leased.Instance.Lease = &registry.Lease{TTL: registry.Duration(time.Second)}
	mustApply(t, m, entryOf(60, writeOf(leased))) // in term 2
	expiry := registry.ExpireLease{LeaseName: registry.LeaseName{Service: "orders", ID: "i1", Index: 60}}
	decided := func(index, term uint64) (reply, *registry.Instance) {
		r := mustApply(t, m, entryOf(index, Write{Term: term, Operations: []registry.Operation{expiry}}))[0]
		i, err := m.Publisher().State().Instance("orders", "i1")
		if err != nil {
			t.Fatal(err)
		}
		return r, i
	}

	for _, term := range []uint64{1, 3} {
		if r, i := decided(60+term, term); !errors.Is(r.err, fault.ErrNoLeader) || fault.IsUnknown(r.err) || i.Expired {
			t.Errorf("decided in term %d and applied in term 2: error %v, expired: %t", term, r.err, i.Expired)
		}
	}
	if r, i := decided(70, 2); r.err != nil || !i.Expired || i.Status != registry.Unhealthy {
		t.Errorf("decided and applied in term 2: error %v, %+v", r.err, i)
	}
}
