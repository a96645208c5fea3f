package health

import (
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

// scene is a leader with one lease of 3 s, the instance of which is reaped 10 s after it has run out.
type scene struct {
	*testing.T
	leases *Leases
	state  *registry.State
	now    time.Duration
	index  uint64
}

func open(t *testing.T) *scene {
	s := &scene{T: t, state: registry.NewState()}
	s.leases = newLeases("n1", func() time.Duration { return s.now })
	s.apply(s.document())
	s.leases.Lead(1)
	return s
}

func (s *scene) document() registry.Register {
	i := registry.Instance{Service: "web", ID: "web-1", Address: "10.0.0.7", Port: 80,
		Lease: &registry.Lease{TTL: registry.Duration(3 * time.Second), DeregisterAfter: registry.Duration(10 * time.Second)}}
	return registry.Register{Instance: i.Normalize()}
}

// apply has the log decide operations.
func (s *scene) apply(ops ...registry.Operation) {
	s.Helper()
	edit := s.state.Edit()
	s.index++
	if _, err := edit.Apply(s.index, ops...); err != nil {
		s.Fatal(err)
	}
	s.leases.Applied(edit.ChangesFrom(0))
	s.state = edit.Commit()
}

// sleep lets time pass, in which nothing may be due.
func (s *scene) sleep(d time.Duration) {
	s.Helper()
	for end := s.now + d; s.now < end; {
		s.now += min(Tick, end-s.now)
		if _, due := s.leases.Due(8); len(due) > 0 {
			s.Fatalf("at %s %T is due", s.now, due[0])
		}
	}
}

// wantDue lets time pass until something is due, which must be within a tick and not before d.
func (s *scene) wantDue(d time.Duration) registry.Operation {
	s.Helper()
	s.sleep(d - Tick)
	for range 3 {
		s.now += Tick
		if _, due := s.leases.Due(8); len(due) == 1 {
			return due[0]
		}
	}
	s.Fatalf("nothing is due at %s", s.now)
	return nil
}

// wantBeat sends a heartbeat through n2.
func (s *scene) wantBeat(want Outcome) (b Beat, settled <-chan struct{}) {
	s.Helper()
	beats := []Beat{{Service: "web", ID: "web-1"}}
	if _, settled = s.leases.Beat("n2", beats); beats[0].Outcome != want {
		s.Fatalf("the outcome is %d, want %d", beats[0].Outcome, want)
	}
	return beats[0], settled
}

func wantClosed(s *scene, c <-chan struct{}) {
	s.Helper()
	select {
	case <-c:
	default:
		s.Error("who waits is not told")
	}
}

func TestALeaseThatNobodyRenewsIsExpiredRevivedAndInTheEndReaped(t *testing.T) {
	s := open(t)
	s.sleep(2 * time.Second)
	s.wantBeat(Renewed)
	expiry := s.wantDue(3 * time.Second)
	if cause := expiry.(registry.ExpireLease).Cause; cause.Evidence != "no heartbeat for 3s" || !slices.Equal(cause.SeenBy, []string{"n1"}) {
		t.Errorf("the cause is %+v", cause)
	}
	_, settled := s.wantBeat(Pending)
	s.apply(expiry)
	wantClosed(s, settled)
	late, _ := s.wantBeat(Expired)
	s.leases.Settle(1, []registry.Operation{expiry}, false)

	s.apply(late.Revival("n2"))
	s.wantBeat(Renewed)
	s.apply(s.wantDue(3 * time.Second))
	s.apply(s.wantDue(10 * time.Second))
	s.wantBeat(Unknown)
	if s.leases.Len() != 0 {
		t.Error("it is not forgotten")
	}
}

func TestWhatHasRunOutWaitsToBeReapedWhoeverLeads(t *testing.T) {
	for _, c := range []struct {
		name       string
		elsewhere  time.Duration // for how long others lead, after the expiry
		reapedWith time.Duration // of the new leadership
	}{
		{"most of the wait is over", 6 * time.Second, 4 * time.Second},
		{"all but a moment is over", 9 * time.Second, 3 * time.Second}, // the lease's time, in which a heartbeat may come
		{"it is over long ago", time.Hour, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			expiry := s.wantDue(3 * time.Second)
			s.leases.Follow()
			s.apply(expiry) // by the next leader
			s.now += c.elsewhere
			s.leases.Lead(3)
			reaping := s.wantDue(c.reapedWith)
			s.leases.Settle(3, []registry.Operation{reaping}, true)
			s.apply(s.wantDue(Tick)) // that it was refused does not make it wait anew
			s.wantBeat(Unknown)
		})
	}
}

func TestANodeThatWasStartedLaterCountsFromItsStart(t *testing.T) {
	s := open(t)
	s.apply(s.wantDue(3 * time.Second))
	s.now += 8 * time.Second
	s.leases = newLeases("n1", func() time.Duration { return s.now })
	s.leases.Replaced(s.state)
	s.leases.Lead(2)
	s.wantDue(10 * time.Second)
}

func TestAnExpiryThatWasRefusedLetsHeartbeatsRenewAgain(t *testing.T) {
	s := open(t)
	expiry := s.wantDue(3 * time.Second)
	_, settled := s.wantBeat(Pending)
	s.leases.Settle(1, []registry.Operation{expiry}, true)
	wantClosed(s, settled)
	s.wantBeat(Renewed)
	s.sleep(3*time.Second - Tick)
}

func TestAnExpiryWhoseOutcomeIsUnknownIsProposedUntilOneIsApplied(t *testing.T) {
	s := open(t)
	first := s.wantDue(3 * time.Second)
	s.leases.Settle(1, []registry.Operation{first}, false)
	s.wantBeat(Pending)
	second := s.wantDue(Tick)
	s.leases.Settle(1, []registry.Operation{second}, true)
	s.wantBeat(Pending) // The first may still take effect.
	s.apply(s.wantDue(Tick))
	s.wantBeat(Expired)
}

func TestARegistrationSettlesAnExpiry(t *testing.T) {
	s := open(t)
	expiry := s.wantDue(3 * time.Second)
	s.wantBeat(Pending)
	s.apply(s.document())
	s.wantBeat(Renewed)
	s.apply(expiry)
	s.leases.Settle(1, []registry.Operation{expiry}, false)
	s.wantBeat(Renewed)
	s.sleep(3*time.Second - Tick)
}

func TestWhoDoesNotLeadNotesNothingAndFindsNothingDue(t *testing.T) {
	s := open(t)
	s.leases.Follow()
	s.sleep(time.Minute)
	if term, _ := s.leases.Beat("n2", []Beat{{Service: "web", ID: "web-1"}}); term != 0 {
		t.Errorf("it notes heartbeats in term %d", term)
	}
	s.leases.Lead(2)
	s.leases.Follow()
	s.leases.Lead(1) // It is over.
	s.sleep(time.Minute)
	s.leases.Lead(3)
	if cause := s.wantDue(3 * time.Second).(registry.ExpireLease).Cause; cause.Evidence != "no heartbeat for 3s, since this node leads" {
		t.Errorf("the cause is %+v", cause)
	}
}

// Raft's word of an election that was won, lost and won again may come all at once, when the last one is what counts.
func TestALeaderThatHearsLateOfAnEarlierLossLeadsOn(t *testing.T) {
	s := open(t)
	s.leases.Lead(2)
	s.sleep(2 * time.Second)
	s.leases.Follow() // it was the loss of term 1
	s.leases.Lead(2)
	s.wantBeat(Renewed)
	s.wantDue(3 * time.Second)
}

func TestThePauseOfALeaderCountsForNoLease(t *testing.T) {
	s := open(t)
	s.sleep(time.Second)
	s.now += time.Hour
	s.wantDue(2*time.Second - longestStep)
}

func TestTheDeathOfTheNodeThatTookTheHeartbeatsGivesTimeOnce(t *testing.T) {
	s := open(t)
	s.wantBeat(Renewed)
	s.sleep(time.Second)
	s.leases.NodeSilent("n3") // takes no heartbeats
	s.leases.NodeSilent("n2")
	s.sleep(2500 * time.Millisecond)
	s.leases.NodeSilent("n2") // once more
	if cause := s.wantDue(500 * time.Millisecond).(registry.ExpireLease).Cause; cause.Evidence != "no heartbeat for 3s, since the node fell silent that took the last one" {
		t.Errorf("the cause is %+v", cause)
	}
}

func TestAnAnswerAboutALeaseThatWasReplacedSettlesNothing(t *testing.T) {
	s := open(t)
	first := s.wantDue(3 * time.Second)
	s.apply(s.document())
	second := s.wantDue(3 * time.Second)
	s.leases.Settle(1, []registry.Operation{first}, true)
	s.wantBeat(Pending)
	s.leases.Settle(1, []registry.Operation{second}, true)
	s.wantBeat(Renewed)
}

func TestWhatWasProposedInAnEarlierTermHoldsUpNobody(t *testing.T) {
	s := open(t)
	s.wantDue(3 * time.Second)
	_, settled := s.wantBeat(Pending)
	s.leases.Follow()
	wantClosed(s, settled)
	s.leases.Lead(2)
	s.wantBeat(Renewed)
}

func TestAnAgeIsThatOfTheLeaseThatItNames(t *testing.T) {
	s := open(t)
	s.sleep(2 * time.Second)
	ages, _ := s.leases.HandOver(2)
	s.leases = newLeases("n3", func() time.Duration { return s.now })
	s.apply(s.document()) // which the last leader has not heard of
	s.leases.Lead(2)
	s.leases.TakeOver(2, ages)
	s.wantDue(3 * time.Second)
}

func TestTheNodeThatTookTheLastHeartbeatIsHandedOverToo(t *testing.T) {
	s := open(t)
	s.wantBeat(Renewed)
	s.sleep(2 * time.Second)
	ages, _ := s.leases.HandOver(2)
	s.leases = newLeases("n3", func() time.Duration { return s.now })
	s.leases.Replaced(s.state)
	s.leases.Lead(2)
	s.leases.TakeOver(2, ages)
	s.sleep(time.Second / 2)
	s.leases.NodeSilent("n2")
	s.wantDue(3 * time.Second)
}

func TestALeaderThatHandsOverTellsForHowLongTheLeasesHaveRun(t *testing.T) {
	s := open(t)
	s.wantBeat(Renewed)
	s.sleep(2 * time.Second)
	next := newLeases("n3", func() time.Duration { return s.now })
	next.Replaced(s.state)
	next.Lead(2)
	ages, ok := s.leases.HandOver(2)
	if !ok {
		t.Fatal("it tells nothing")
	}
	s.leases.Lead(1) // It is over.
	if term, _ := s.leases.Beat("n2", []Beat{{Service: "web", ID: "web-1"}}); term != 0 {
		t.Error("it goes on leading")
	}
	next.TakeOver(2, ages)
	if _, ok := s.leases.HandOver(3); ok {
		t.Error("it tells another leader than the next")
	}
	s.leases = next
	s.wantDue(time.Second)
}

func TestALeaderThatNoticesItsEndLateMakesNoLeaseOlder(t *testing.T) {
	s := open(t)
	s.wantBeat(Renewed)
	next := newLeases("n3", func() time.Duration { return s.now })
	next.Replaced(s.state)
	s.sleep(time.Second)
	next.Lead(2)
	for range 30 {
		s.sleep(Tick)
		next.Due(8)
	}
	ages, _ := s.leases.HandOver(2)
	next.TakeOver(2, ages)
	s.leases = next
	s.wantDue(time.Second / 2)
}

func TestADeadlineBeyondTheWheelIsMet(t *testing.T) {
	s := open(t)
	i := s.document()
	i.Instance.Lease = &registry.Lease{TTL: registry.Duration(10 * time.Minute)}
	s.apply(i)
	s.wantDue(10 * time.Minute)
}

func TestAStateThatIsReplacedKeepsTheLeasesThatItShares(t *testing.T) {
	s := open(t)
	s.wantDue(3 * time.Second)
	s.leases.Replaced(s.state)
	s.wantBeat(Pending)
	s.leases.Replaced(registry.NewState())
	s.wantBeat(Unknown)
}

func TestAReportDoesNotRenewALease(t *testing.T) {
	s := open(t)
	s.sleep(2 * time.Second)
	s.apply(registry.ReportHealth{Service: "web", ID: "web-1", Report: registry.Report{Status: registry.Unhealthy}})
	s.wantDue(time.Second)
}
