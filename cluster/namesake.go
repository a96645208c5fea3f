package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// A node that lost its disk comes back under its old name with a new Raft id. It replaces the server that it was: it is let
// in beside it, as a newcomer, and once it has caught up and has its vote the old one is removed. Nothing needs to be
// remembered for that: two servers of one name, of which the one that was let in later is there and the other is not, say it
// all, and the names stand in the configuration, which every leader has.

// namesakes are the servers of a name other than the given one, those that were let in first coming first.
func namesakes(servers []raft.Server, label string, but raft.ServerID) []raft.Server {
	return slices.DeleteFunc(slices.Clone(servers), func(s raft.Server) bool {
		return s.ID == but || label == "" || serverOf(s).Label != label
	})
}

// holder finds a server that still holds a name against a newcomer: one of which the leader, or gossip, has heard lately.
func (m *Member) holder(label, newcomer string) (raft.Server, bool) {
	for _, s := range namesakes(m.servers(), label, raft.ServerID(newcomer)) {
		if silence, _ := m.silence(s.ID); silence < m.config.pace.replace || m.gossip.alive(string(s.ID)) {
			return s, true
		}
	}
	return raft.Server{}, false
}

// nameTaken tells whether a server carries the name of another one that is there: it may be that one which has come back,
// and two that are called the same must not both have a vote.
func (m *Member) nameTaken(servers []raft.Server, id raft.ServerID) bool {
	s, _ := serverIn(servers, id)
	return slices.ContainsFunc(namesakes(servers, serverOf(s).Label, id), func(s raft.Server) bool {
		silence, heard := m.silence(s.ID)
		return heard && silence < m.config.pace.replace
	})
}

// expendable says why a server is gone for good; it is empty where it may come back.
func (m *Member) expendable(s raft.Server) (reason string) {
	if string(s.ID) == m.RaftID() {
		return ""
	}
	silence, _ := m.silence(s.ID)
	if silence >= m.config.DeadAfter {
		return fmt.Sprintf("it has been out of contact for %s, and %s is the limit", silence.Round(time.Second), m.config.DeadAfter)
	}
	if silence < m.config.pace.replace {
		return ""
	}
	if successor, ok := m.successor(s); ok {
		return fmt.Sprintf("server %s has taken its place", successor.ID)
	}
	return ""
}

// successor finds the server that has taken the place of another one: of the same name, let in later, there, and with all
// that it will get, which is a vote unless it is a read replica.
func (m *Member) successor(of raft.Server) (raft.Server, bool) {
	servers := m.servers()
	later := servers[slices.IndexFunc(servers, func(s raft.Server) bool { return s.ID == of.ID })+1:]
	for _, s := range namesakes(later, serverOf(of).Label, of.ID) {
		last, ok := m.contact.last(s.ID)
		if ok && last.age() < 2*m.config.pace.survey && (s.Suffrage == raft.Voter || last.Replica) {
			return s, true
		}
	}
	return raft.Server{}, false
}
