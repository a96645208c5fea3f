package fsm

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// fakeCluster is the membership of one node, whose leader the test sets.
type fakeCluster struct {
	fakeLog
	id     string
	answer func(leader string, request []byte) ([]byte, error) // of a call

	mu      sync.Mutex
	leader  string
	changed chan struct{}
	calls   int
}

func newFakeCluster(id, leader string) *fakeCluster {
	return &fakeCluster{id: id, leader: leader, changed: make(chan struct{}), fakeLog: fakeLog{machine: newMachine()}}
}

func (c *fakeCluster) RaftID() string     { return c.id }
func (c *fakeCluster) Electorate() string { return "waiting for a leader (term 7, 2 of 3 voters seen)" }

func (c *fakeCluster) Leader() (string, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leader, c.changed
}

func (c *fakeCluster) elect(leader string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = leader
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *fakeCluster) Call(ctx context.Context, leader, _ string, request []byte) ([]byte, error) {
	c.mu.Lock()
	c.calls++
	c.mu.Unlock()
	answer, err := c.answer(leader, request)
	if errors.Is(err, errFrozen) {
		<-ctx.Done()
	}
	if err == nil {
		err = ctx.Err() // the caller waits no more
	}
	return answer, err
}

// errFrozen makes a call wait for as long as its caller does.
var errFrozen = errors.New("the leader is frozen")

// writing runs a writer in fake time while f uses it.
func writing(t *testing.T, c *fakeCluster, f func(t *testing.T, w *Writer)) {
	synctest.Test(t, func(t *testing.T) {
		c.changed = make(chan struct{}) // of this bubble
		ctx, stop := context.WithCancel(t.Context())
		w := NewWriter(c)
		var running sync.WaitGroup
		running.Go(func() { w.Run(ctx) })
		f(t, w)
		stop()
		running.Wait()
	})
}

func TestAWriteWaitsThroughAnElection(t *testing.T) {
	c := newFakeCluster("me", "")
	writing(t, c, func(t *testing.T, w *Writer) {
		elected := time.AfterFunc(3*time.Second, func() { c.elect("me") })
		defer elected.Stop()
		begun := time.Now()
		if _, err := w.Submit(t.Context(), writeOf(registerOp("orders", "i1", "1"))); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("the leader was there after 3 s and the write took %s", took)
		}
	})
}

func TestAWriteWithoutALeaderFailsAfterSevenSecondsAndWasNotApplied(t *testing.T) {
	c := newFakeCluster("me", "")
	writing(t, c, func(t *testing.T, w *Writer) {
		begun := time.Now()
		_, err := w.Submit(t.Context(), writeOf(registerOp("orders", "i1", "1")))
		if !errors.Is(err, fault.ErrNoLeader) || fault.IsUnknown(err) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(begun); took != electionPatience {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAWriteGivesUpWithItsCaller(t *testing.T) {
	c := newFakeCluster("me", "")
	writing(t, c, func(t *testing.T, w *Writer) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := w.Submit(ctx, writeOf(registerOp("orders", "i1", "1")))
		if !errors.Is(err, fault.ErrTimeout) || fault.IsUnknown(err) {
			t.Errorf("error %v", err)
		}
	})
}

// Two writers, one on the follower and one on the leader, joined by a call that the test carries over.
func TestAFollowerPassesAWriteOnAndTheAnswerBack(t *testing.T) {
	leader := newFakeCluster("leader", "leader")
	writing(t, leader, func(t *testing.T, w *Writer) {
		follower := newFakeCluster("follower", "leader")
		follower.answer = func(to string, request []byte) ([]byte, error) {
			if to != "leader" {
				t.Errorf("the write went to %q", to)
			}
			return w.AnswerWrite(t.Context(), request)
		}
		passing := NewWriter(follower)

		created, err := passing.Submit(t.Context(), writeOf(registerOp("orders", "i1", "1")))
		if err != nil || !created.Results[0].Created || created.Results[0].Instance.ModifyIndex != created.Index {
			t.Errorf("created: %+v, error %v", created, err)
		}
		_, err = passing.Submit(t.Context(), writeOf(registerOp("orders", "i2", "1"), registry.Deregister{Service: "orders", ID: "nobody"}))
		if !errors.Is(err, registry.ErrInstanceNotFound) || fault.IsUnknown(err) {
			t.Errorf("the leader's refusal came back as %v", err)
		}
	})
}

func TestAFollowerNeverPassesOnWhatWasPassedOnToIt(t *testing.T) {
	c := newFakeCluster("me", "somebody else")
	if _, err := NewWriter(c).AnswerWrite(t.Context(), encodeWrite(writeOf(registerOp("orders", "i1", "1")))); !errors.Is(err, cluster.ErrNotLeader) {
		t.Errorf("error %v", err)
	}
	if c.calls != 0 {
		t.Error("it called another node")
	}
}

func TestALeaderThatIsNoneAnyMoreIsNotTheEndOfAWrite(t *testing.T) {
	for name, refusal := range map[string]error{"does not lead": cluster.ErrNotLeader, "can't be reached": cluster.ErrUnreachable} {
		t.Run(name, func(t *testing.T) {
			c := newFakeCluster("me", "old")
			c.answer = func(string, []byte) ([]byte, error) { return nil, refusal }
			writing(t, c, func(t *testing.T, w *Writer) {
				elected := time.AfterFunc(time.Second, func() { c.elect("me") })
				defer elected.Stop()
				if _, err := w.Submit(t.Context(), writeOf(registerOp("orders", "i1", "1"))); err != nil {
					t.Error(err)
				}
			})
			if c.calls > int(time.Second/retryPause)+1 {
				t.Errorf("the old leader was asked %d times in a second", c.calls)
			}
		})
	}
}

func TestAWriteThatWasLostWithTheLeaderIsNotSentAgain(t *testing.T) {
	c := newFakeCluster("me", "old")
	c.answer = func(string, []byte) ([]byte, error) { return nil, errors.New("connection reset") }
	writing(t, c, func(t *testing.T, w *Writer) {
		_, err := w.Submit(t.Context(), writeOf(registerOp("orders", "i1", "1")))
		if !fault.IsUnknown(err) || !errors.Is(err, fault.ErrNoLeader) {
			t.Errorf("error %v", err)
		}
	})
	if c.calls != 1 {
		t.Errorf("it was sent %d times, and may have been applied as often", c.calls)
	}
}

func TestAnIllFormedWriteGoesNowhere(t *testing.T) {
	c := newFakeCluster("me", "me")
	bad := registerOp("orders", "i1", "1")
	bad.Instance.Port = 70000
	writing(t, c, func(t *testing.T, w *Writer) {
		_, err := w.Submit(t.Context(), writeOf(registerOp("orders", "i2", "1"), bad))
		position, ok := errors.AsType[*registry.OperationError](err)
		if !errors.Is(err, registry.ErrInvalid) || !ok || position.Position != 1 {
			t.Errorf("error %v", err)
		}
	})
	if len(c.entries) != 0 {
		t.Error("it reached the log")
	}
}

// A leader of another make may answer what this node can read and can't use.
func TestAnAnswerWithoutAResultForEachOperationIsUnknown(t *testing.T) {
	c := newFakeCluster("follower", "leader")
	c.answer = func(string, []byte) ([]byte, error) { return encodeReply(reply{outcome: Outcome{Index: 7}}) }
	if _, err := NewWriter(c).Submit(t.Context(), writeOf(registerOp("orders", "i1", "1"))); !fault.IsUnknown(err) {
		t.Errorf("error %v", err)
	}
}

func TestALeaderThatIsFrozenIsNotWaitedForOnceAnotherLeads(t *testing.T) {
	c := newFakeCluster("follower", "frozen")
	writing(t, c, func(t *testing.T, w *Writer) {
		c.answer = func(leader string, _ []byte) ([]byte, error) {
			if leader == "frozen" {
				return nil, errFrozen
			}
			return encodeReply(reply{outcome: Outcome{Index: 7, Results: make([]registry.Result, 1)}})
		}
		elected := func() {
			c.elect("")
			c.elect("next")
		}

		time.AfterFunc(time.Second, elected)
		begun := time.Now()
		_, err := w.Submit(t.Context(), writeOf(registerOp("orders", "i1", "1")))
		if took := time.Since(begun); !fault.IsUnknown(err) || took != time.Second+lateAnswer {
			t.Errorf("without a key: error %v after %s", err, took)
		}

		c.elect("frozen")
		time.AfterFunc(time.Second, elected)
		outcome, err := w.Submit(t.Context(), keyed("k1", registerOp("orders", "i1", "1")))
		if err != nil || outcome.Index != 7 {
			t.Errorf("with a key, which the next leader can be asked with: %+v, error %v", outcome, err)
		}
	})
}

func TestAKeyedWriteThatWasOpenOnceStaysOpenWhereNoLeaderComes(t *testing.T) {
	c := newFakeCluster("follower", "lost")
	writing(t, c, func(t *testing.T, w *Writer) {
		c.answer = func(string, []byte) ([]byte, error) {
			c.elect("")
			return nil, errors.New("connection reset")
		}
		_, err := w.Submit(t.Context(), keyed("k1", registerOp("orders", "i1", "1")))
		if !fault.IsUnknown(err) || !errors.Is(err, fault.ErrNoLeader) {
			t.Errorf("error %v", err)
		}
	})
}

// The next leader knows only that it has not taken the write: whether the one before had is as open as it was.
func TestAKeyedWriteThatWasOpenOnceStaysOpenWhereTheNextLeaderTakesNone(t *testing.T) {
	for _, refusal := range []error{fault.ErrOverloaded, fault.ErrDiskFull} {
		c := newFakeCluster("follower", "lost")
		writing(t, c, func(t *testing.T, w *Writer) {
			c.answer = func(leader string, _ []byte) ([]byte, error) {
				if leader == "lost" {
					c.elect("next")
					return nil, errors.New("connection reset")
				}
				return encodeReply(reply{err: refusal})
			}
			_, err := w.Submit(t.Context(), keyed("k1", registerOp("orders", "i1", "1")))
			if !fault.IsUnknown(err) || !errors.Is(err, refusal) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// That no leader is known for a moment does not mean that there is another one: the answer may still come.
func TestAnAnswerIsWaitedForAsLongAsNoOtherNodeLeads(t *testing.T) {
	c := newFakeCluster("follower", "leader")
	writing(t, c, func(t *testing.T, w *Writer) {
		c.answer = func(string, []byte) ([]byte, error) {
			c.elect("")
			time.Sleep(10 * lateAnswer)
			c.elect("leader")
			time.Sleep(10 * lateAnswer)
			return encodeReply(reply{outcome: Outcome{Index: 7, Results: make([]registry.Result, 1)}})
		}
		if outcome, err := w.Submit(t.Context(), writeOf(registerOp("orders", "i1", "1"))); err != nil || outcome.Index != 7 {
			t.Errorf("%+v, error %v", outcome, err)
		}
	})
}
