package cluster

import (
	"context"
	"sync"

	"github.com/hashicorp/raft"
)

// announcer tells the followers at once what was committed.
//
// hashicorp/raft tells them with the next entry or, when there is none, after its CommitTimeout: 50 to 100 ms by default,
// in which a client that wrote through one node does not find its write on another. A shorter time-out would send empty
// messages for ever. This sends one message a commit: an append without entries at the committed entry, which is what
// Raft itself would send later. It is legal since it carries the term that this node leads in, and the entry's own term,
// by which a follower whose log differs refuses it. Its answer is of no interest.
type announcer struct {
	member *Member
	latest chan raft.Log // the newest commit that was not announced yet

	mu   sync.Mutex
	busy map[raft.ServerID]bool // a follower that has not answered the last announcement gets no further one
}

func newAnnouncer(m *Member) *announcer {
	return &announcer{member: m, latest: make(chan raft.Log, 1), busy: map[raft.ServerID]bool{}}
}

// committed is called by Raft's goroutine that applies entries, after it applied this one. It never waits.
func (a *announcer) committed(index, term uint64) {
	if a.member.leadership.readyTerm.Load() != term {
		return
	}
	for {
		select {
		case a.latest <- raft.Log{Index: index, Term: term}:
			return
		default:
		}
		select { // room for the newer one
		case <-a.latest:
		default:
		}
	}
}

func (a *announcer) run(ctx context.Context) {
	for {
		select {
		case entry := <-a.latest:
			// Where more entries are on their way, they carry the news.
			if a.member.raft.LastIndex() == entry.Index {
				a.announce(entry)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (a *announcer) announce(entry raft.Log) {
	m := a.member
	request := a.request(entry)
	for _, s := range m.servers() {
		if string(s.ID) == m.RaftID() || !a.begin(s.ID) {
			continue
		}
		m.wait.Go(func() {
			defer a.done(s.ID)
			_ = m.transport.AppendEntries(s.ID, s.Address, request, new(raft.AppendEntriesResponse))
		})
	}
}

// request is the append without entries that tells of the commit of entry.
func (a *announcer) request(entry raft.Log) *raft.AppendEntriesRequest {
	m := a.member
	return &raft.AppendEntriesRequest{
		RPCHeader: raft.RPCHeader{
			ProtocolVersion: raft.ProtocolVersionMax,
			ID:              []byte(m.RaftID()),
			Addr:            m.transport.EncodePeer(raft.ServerID(m.RaftID()), raft.ServerAddress(m.PeerAddr())),
		},
		Term:              entry.Term, // the term that this node leads in: committed saw to it
		PrevLogEntry:      entry.Index,
		PrevLogTerm:       entry.Term,
		LeaderCommitIndex: entry.Index,
	}
}

func (a *announcer) begin(id raft.ServerID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[id] {
		return false
	}
	a.busy[id] = true
	return true
}

func (a *announcer) done(id raft.ServerID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.busy, id)
}

// announcedMachine is the state machine with the announcer behind it.
type announcedMachine struct {
	Machine
	announce func(index, term uint64)
}

func (a announcedMachine) ApplyBatch(entries []*raft.Log) []any {
	answers := a.Machine.ApplyBatch(entries)
	last := entries[len(entries)-1]
	a.announce(last.Index, last.Term)
	return answers
}
