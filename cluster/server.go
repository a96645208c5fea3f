package cluster

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/raft"
)

// Server is a node as Raft's configuration and the list of a cluster's first voters name it.
type Server struct {
	RaftID string `json:"raft_id"`
	Label  string `json:"label"`
	Peer   string `json:"peer"` // host:port of its peer port

	// Commands is the newest version of the log's commands that it reads; 0 is one that does not tell.
	Commands int `json:"commands,omitempty"`
}

// String is the server in the form in which it stands in Raft's configuration as an address: label/id/commands@host:port.
//
// That is more than an address, since the configuration is the one list that all nodes agree on and that outlives every node
// in it. The label is there so that a node of which nobody has heard for long is still known by its name. The Raft id is
// there because a place may change hands: where a node lost its disk, another one answers at the same port, and must not be
// taken for the one whose votes and entries are gone. Every connection names the id that it is meant for. And the version of
// commands is there since a node that is away must be able to read, when it comes back, what the others have written.
func (s Server) String() string {
	name := s.Label + "/" + s.RaftID
	if s.Commands > 0 {
		name += "/" + strconv.Itoa(s.Commands)
	}
	return name + "@" + s.Peer
}

func (s Server) address() raft.ServerAddress { return raft.ServerAddress(s.String()) }

// parseServer reads what String has written. Of a mere host and port neither label nor id are known.
func parseServer(text string) Server {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return Server{Peer: text}
	}
	label, id, _ := strings.Cut(text[:at], "/")
	id, version, _ := strings.Cut(id, "/")
	commands, _ := strconv.Atoi(version) // 0 where there is none
	return Server{RaftID: id, Label: label, Peer: text[at+1:], Commands: commands}
}

func serverOf(s raft.Server) Server { return parseServer(string(s.Address)) }

// validLabel tells whether a label can be part of an address.
func validLabel(label string) error {
	if label == "" {
		return errors.New("the node's name is missing")
	}
	if strings.ContainsAny(label, "/@") {
		return fmt.Errorf("the node's name %q may hold neither / nor @", label)
	}
	return nil
}
