package registry_test

import (
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

func leased() registry.Instance {
	return instance(func(i *registry.Instance) { i.Lease = &registry.Lease{TTL: registry.Duration(time.Minute)} })
}

func leaseAt(index uint64) registry.LeaseName {
	return registry.LeaseName{Service: "payments", ID: "p1", Index: index}
}

func TestALeaseRunsOutAndIsTakenUpAgain(t *testing.T) {
	running := applyAll(t, register(leased()))
	expired, result := apply(t, running, registry.ExpireLease{LeaseName: leaseAt(1)})
	if i := result.Instance; !result.Changed || !i.Expired || i.Status != registry.Unhealthy || i.ModifyIndex != 2 || i.LeaseIndex != 1 {
		t.Errorf("expired: %+v", result)
	}
	_, result = apply(t, expired, registry.ReviveLease{LeaseName: leaseAt(1)})
	if i := result.Instance; !result.Changed || i.Expired || i.Status != registry.Healthy || i.ModifyIndex != 3 || i.LeaseIndex != 3 || i.Incarnation != 1 {
		t.Errorf("revived by a heartbeat: %+v", result)
	}
	_, result = apply(t, expired, register(leased()))
	if i := result.Instance; !result.Changed || i.Expired || i.Status != registry.Healthy || i.LeaseIndex != 3 || i.Incarnation != 1 {
		t.Errorf("revived by a registration: %+v", result)
	}
	reaped, result := apply(t, expired, registry.ReapInstance{LeaseName: leaseAt(1)})
	if !result.Changed || reaped.Len() != 0 {
		t.Errorf("reaped: %+v", result)
	}
}

func TestARepeatedRegistrationBeginsTheLeaseAnewAndWakesNobody(t *testing.T) {
	_, result := apply(t, applyAll(t, register(leased())), register(leased()))
	if i := result.Instance; result.Changed || i.LeaseIndex != 2 || i.ModifyIndex != 1 {
		t.Errorf("%+v", result)
	}
	if _, result := apply(t, applyAll(t, register(instance(nil))), register(instance(nil))); result.Instance.LeaseIndex != 0 {
		t.Errorf("without a lease: %+v", result)
	}
}

// What was found out about a lease may come late, twice, or about one that is not there any more.
func TestWhatIsSaidOfAnotherLeaseDoesNothing(t *testing.T) {
	running := applyAll(t, register(leased()))
	expired := applyAll(t, register(leased()), registry.ExpireLease{LeaseName: leaseAt(1)})
	renewed := applyAll(t, register(leased()), register(leased()))
	unleased := applyAll(t, register(leased()), register(instance(nil)))
	for name, c := range map[string]struct {
		state *registry.State
		op    registry.Operation
	}{
		"an expiry of an earlier lease":      {renewed, registry.ExpireLease{LeaseName: leaseAt(1)}},
		"an expiry of one that has run out":  {expired, registry.ExpireLease{LeaseName: leaseAt(1)}},
		"an expiry without a lease":          {unleased, registry.ExpireLease{LeaseName: leaseAt(1)}},
		"an expiry of no lease":              {unleased, registry.ExpireLease{LeaseName: leaseAt(0)}},
		"an expiry of what is gone":          {registry.NewState(), registry.ExpireLease{LeaseName: leaseAt(1)}},
		"a revival of one that runs":         {running, registry.ReviveLease{LeaseName: leaseAt(1)}},
		"a revival of an earlier lease":      {expired, registry.ReviveLease{LeaseName: leaseAt(7)}},
		"a revival of what is gone":          {registry.NewState(), registry.ReviveLease{LeaseName: leaseAt(1)}},
		"the end of one that runs":           {running, registry.ReapInstance{LeaseName: leaseAt(1)}},
		"the end of an earlier lease's":      {expired, registry.ReapInstance{LeaseName: leaseAt(7)}},
		"the end of one that has gone":       {registry.NewState(), registry.ReapInstance{LeaseName: leaseAt(1)}},
		"the end of one without a lease now": {unleased, registry.ReapInstance{LeaseName: leaseAt(1)}},
	} {
		after, result := apply(t, c.state, c.op)
		before, _ := c.state.Instance("payments", "p1")
		if now, _ := after.Instance("payments", "p1"); now != before || result.Changed || result.Created {
			t.Errorf("%s: %+v became %+v", name, before, now)
		}
	}
}
