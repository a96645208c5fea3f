package cluster

import (
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// Raft itself would tell the followers of a commit with the next entry or after its CommitTimeout, which is an hour here.
// In an idle cluster they hear of it from the announcer or not at all.
func TestFollowersLearnOfACommitAtOnce(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, func(c *Config) {
		c.Tune = func(r *raft.Config) {
			hurry(r)
			r.CommitTimeout = time.Hour
		}
	})
	for _, entry := range []string{"a", "b", "c"} {
		index := c.commit(entry)
		for _, n := range c.nodes {
			if err := n.journal.Await(soon(t), index); err != nil {
				t.Fatalf("%s has not applied %q: %v", n.config.Label, entry, err)
			}
		}
	}
}

func TestAnAnnouncementOfAnOverTermIsRefused(t *testing.T) {
	t.Parallel()
	c := gather(t, 2)
	index := c.commit("a")
	leader := c.leader()
	follower := c.others(leader)[0]
	if err := follower.journal.Await(soon(t), index); err != nil {
		t.Fatal(err)
	}
	for _, a := range []struct {
		name    string
		entry   raft.Log
		success bool
	}{
		{"of this term", raft.Log{Index: index, Term: leader.Term()}, true},
		{"of a term that is over", raft.Log{Index: index, Term: leader.Term() - 1}, false},
		{"of an entry that the follower does not have", raft.Log{Index: index + 1000, Term: leader.Term()}, false},
	} {
		var answer raft.AppendEntriesResponse
		err := leader.transport.AppendEntries(raft.ServerID(follower.RaftID()), "", leader.announcer.request(a.entry), &answer)
		if err != nil || answer.Success != a.success {
			t.Errorf("an announcement %s: success %v, %v", a.name, answer.Success, err)
		}
	}
	if commit := follower.raft.CommitIndex(); commit >= index+1000 {
		t.Errorf("the follower takes %d for committed", commit)
	}
}

func TestOnlyACommitOfTheTermInOfficeIsAnnounced(t *testing.T) {
	t.Parallel()
	m := &Member{leadership: newLeadership()}
	a := newAnnouncer(m)
	a.committed(1, 3)
	m.leadership.readyTerm.Store(4)
	a.committed(1, 3)
	if len(a.latest) != 0 {
		t.Error("a commit of another term is to be announced")
	}
	for i := range uint64(10) { // nobody announces; Raft's goroutine must not wait for that
		a.committed(i, 4)
	}
	if entry := <-a.latest; entry.Index != 9 || entry.Term != 4 || len(a.latest) != 0 {
		t.Errorf("announced is %+v and %d more", entry, len(a.latest))
	}
}

func TestAFollowerThatHasNotAnsweredGetsNoFurtherAnnouncement(t *testing.T) {
	t.Parallel()
	a := newAnnouncer(nil)
	if !a.begin("x") || a.begin("x") || !a.begin("y") {
		t.Error("x is told twice at once, or y is not told because of x")
	}
	a.done("x")
	if !a.begin("x") {
		t.Error("x is never told again")
	}
	a.done("x")
	a.done("y")
	if len(a.busy) != 0 {
		t.Errorf("remembered for ever: %v", a.busy)
	}
}
