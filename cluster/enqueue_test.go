package cluster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/fault"
)

// slowLog is a log on a disk that stands still while it is held.
type slowLog struct {
	raft.LogStore
	disk chan struct{} // has room for the one that uses it; a mutex would hold up the time of a bubble
}

func (l *slowLog) StoreLogs(entries []*raft.Log) error {
	l.disk <- struct{}{}
	defer func() { <-l.disk }()
	return l.LogStore.StoreLogs(entries)
}

// stalled runs f in a bubble with a leader whose disk stands still, and has an entry to write already, whose writer has gone.
// So Raft takes no further one.
func stalled(t *testing.T, f func(t *testing.T, m *Member)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{disk: make(chan struct{}, 1)}
		m := &Member{
			config: Config{Multiplier: 1}, leadership: newLeadership(),
			handingOver: make(chan struct{}, 1), raftEnded: make(chan struct{}),
		}
		rafts, _ := inBubbleWith(t, 1, func(int) chan<- bool { return m.leadership.changes }, func(inner raft.LogStore) raft.LogStore {
			log.LogStore = inner
			return log
		})
		m.raft = rafts[0]
		time.Sleep(time.Minute)
		log.disk <- struct{}{}
		gone, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := m.Commit(gone, []byte("gone")); !fault.IsUnknown(err) {
			t.Fatalf("the disk does not stand still: %v", err)
		}
		f(t, m)
		<-log.disk
		if err := m.raft.Shutdown().Error(); err != nil {
			t.Error(err)
		}
	})
}

func TestAHandOverDoesNotWaitForEntriesThatRaftHasNotTaken(t *testing.T) {
	t.Parallel()
	stalled(t, func(t *testing.T, m *Member) {
		const writers = 5
		answers := make(chan error, writers)
		for range writers {
			go func() {
				_, err := m.Commit(t.Context(), []byte("x"))
				answers <- err
			}()
		}
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), drainTimeout)
		defer cancel()
		m.gate.close(ctx)
		if took := time.Since(began); took > enqueueAttempt {
			t.Errorf("it waited for %v", took)
		}
		m.gate.open()
		for range writers {
			if err := <-answers; !errors.Is(err, ErrNotLeader) || fault.IsUnknown(err) {
				t.Errorf("a writer is told %v", err)
			}
		}
	})
}

func TestAnEntryThatRaftDoesNotTakeIsNotInTheLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patience time.Duration
		err      error
		took     time.Duration
	}{
		"its writer has not long":  {enqueueAttempt / 2, fault.ErrTimeout, enqueueAttempt},
		"its writer has a moment":  {3*enqueueAttempt + enqueueAttempt/2, fault.ErrTimeout, 4 * enqueueAttempt},
		"its writer has very long": {time.Hour, fault.ErrOverloaded, enqueueTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stalled(t, func(t *testing.T, m *Member) {
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				began := time.Now()
				_, err := m.Commit(ctx, []byte("x"))
				if !errors.Is(err, c.err) || fault.IsUnknown(err) {
					t.Errorf("its writer is told %v", err)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("that took %v", took)
				}
			})
		})
	}
}

func TestAHandOverWaitsForAnotherOnlyAsLongAsItMay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Member{handingOver: make(chan struct{}, 1)}
		m.handingOver <- struct{}{} // the other one
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := m.handOver(ctx, nil); !errors.Is(err, fault.ErrTimeout) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if !m.gate.enter() {
			t.Error("it has shut the gate all the same")
		}
	})
}
