package raftdisk

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/hashicorp/raft"
)

var keyTerm = []byte("CurrentTerm")

// voted makes the storage of a node that is in a term and has voted in it.
func voted(t *testing.T, term uint64, candidate string) *place {
	t.Helper()
	p := newPlace(t)
	p.with(func(d *Disk) {
		stable := d.Stable()
		err := errors.Join(
			stable.SetUint64(keyTerm, term),
			stable.SetUint64(keyVoteTerm, term),
			stable.Set(keyVoteCandidate, []byte(candidate)),
		)
		if err != nil {
			t.Fatal(err)
		}
	})
	return p
}

func (p *place) wantVote(d *Disk, term uint64, candidate string) {
	p.t.Helper()
	current, err := d.Stable().GetUint64(keyTerm)
	if current != term || err != nil {
		p.t.Errorf("the term is %d, %v, want %d", current, err, term)
	}
	votedIn, err := d.Stable().GetUint64(keyVoteTerm)
	if votedIn != term || err != nil {
		p.t.Errorf("the term of the vote is %d, %v, want %d", votedIn, err, term)
	}
	got, err := d.Stable().Get(keyVoteCandidate)
	if string(got) != candidate || err != nil {
		p.t.Errorf("the vote went to %q, %v, want %q", got, err, candidate)
	}
}

func TestATermAndAVoteAreThereAfterARestart(t *testing.T) {
	p := voted(t, 7, "node-2")
	p.with(func(d *Disk) { p.wantVote(d, 7, "node-2") })
	p.with(func(d *Disk) { p.wantVote(d, 7, "node-2") })
}

// Raft knows a record that was never written by the text of the error.
func TestWhatWasNeverWrittenIsNotFound(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) {
		_, term := d.Stable().GetUint64(keyTerm)
		_, votedIn := d.Stable().GetUint64(keyVoteTerm)
		_, candidate := d.Stable().Get(keyVoteCandidate)
		for _, err := range []error{term, votedIn, candidate} {
			if err == nil || err.Error() != "not found" {
				t.Errorf("the error is %v", err)
			}
		}
	})
}

// Whichever bit flips of what this node may have promised, it does not start.
func TestNoBitOfTheTermAndTheVoteFlipsUnnoticed(t *testing.T) {
	p := voted(t, 7, "node-2")
	good, err := os.ReadFile(p.path("raft.db"))
	if err != nil {
		t.Fatal(err)
	}
	start, end := recordAt(t, good)
	for at := start; at < end; at++ {
		damaged := bytes.Clone(good)
		damaged[at] ^= 1 << (at % 8)
		if err := os.WriteFile(p.path("raft.db"), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		p.wantRefusal(ErrDamaged, p.path("raft.db"), "let it join again")
	}
	if err := os.WriteFile(p.path("raft.db"), good, 0o600); err != nil {
		t.Fatal(err)
	}
	p.with(func(d *Disk) { p.wantVote(d, 7, "node-2") })
}

// recordAt finds the page that is in use of those that hold, or held, the record: flipping a bit elsewhere is harmless. It
// returns where the key and the value stand in it.
func recordAt(t *testing.T, content []byte) (start, end int) {
	t.Helper()
	for from := 0; ; {
		at := bytes.Index(content[from:], []byte(`muster`))
		if at < 0 {
			break
		}
		at += from
		from = at + 1
		length := bytes.IndexByte(content[at:], '}')
		if bytes.Contains(content[at:at+length], []byte(`MusterVote`)) && bytes.Contains(content[at:at+length+60], []byte(`"closed":{`)) {
			start, end = at, at+bytes.Index(content[at:], []byte("}}"))
		}
	}
	if end <= start {
		t.Fatal("the record of the term and the vote is nowhere")
	}
	return start, end
}

// F7: hashicorp/raft writes the term that it votes in, and then the candidate. A crash between the two must not let the
// node give its vote in that term to another candidate.
func TestACrashBetweenTheTwoHalvesOfAVoteLeavesTheOldOne(t *testing.T) {
	p := voted(t, 7, "node-2")
	d := p.open()
	if err := errors.Join(d.Stable().SetUint64(keyTerm, 8), d.Stable().SetUint64(keyVoteTerm, 8)); err != nil {
		t.Fatal(err)
	}
	p.close(d) // the candidate never came
	p.with(func(d *Disk) {
		votedIn, err := d.Stable().GetUint64(keyVoteTerm)
		if votedIn != 7 || err != nil {
			t.Errorf("the term of the vote is %d, %v, while no vote was given in term 8", votedIn, err)
		}
	})
}

func TestACandidateWithoutATermIsRefused(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) {
		if err := d.Stable().Set(keyVoteCandidate, []byte("node-2")); err == nil {
			t.Error("a vote in no term was written")
		}
	})
}

// The same with Raft itself: a node that has voted, and was restarted, does not vote for another in that term.
func TestAVoterThatWasRestartedDoesNotVoteTwice(t *testing.T) {
	p := newPlace(t)
	for _, candidate := range []struct {
		id      string
		granted bool
	}{{"node-2", true}, {"node-3", false}, {"node-2", true}} {
		d := p.open()
		v := p.startRaft(d, newMachine())
		var answer raft.RequestVoteResponse
		err := v.peer.RequestVote(raft.ServerID(p.id), v.address, &raft.RequestVoteRequest{
			RPCHeader: headerOf(candidate.id), Term: 6, LastLogIndex: 100, LastLogTerm: 5,
		}, &answer)
		if err != nil || answer.Granted != candidate.granted {
			t.Errorf("%s asks for the vote in term 6: granted %v, %v", candidate.id, answer.Granted, err)
		}
		v.stop()
		p.close(d)
	}
}
