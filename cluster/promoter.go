package cluster

import (
	"slices"
	"time"

	"github.com/hashicorp/raft"
	autopilot "github.com/hashicorp/raft-autopilot"
)

// promoter tells autopilot who gets a vote: a server that has kept up for long enough, wants a vote, and does not carry the
// name of another one that is there.
//
// Autopilot's own promoter would give a vote to read replicas too, and would give one at once to whoever looks well in the
// first moments of a leadership.
type promoter struct {
	*autopilot.StablePromoter
	member *Member
}

// CalculatePromotionsAndDemotions is called by one goroutine of autopilot.
func (p *promoter) CalculatePromotionsAndDemotions(c *autopilot.Config, s *autopilot.State) autopilot.RaftChanges {
	var changes autopilot.RaftChanges
	servers := p.member.servers()
	for id, server := range s.Servers {
		if server.State != autopilot.RaftNonVoter || !server.Health.IsStable(time.Now(), c.ServerStabilizationTime) {
			continue
		}
		if last, ok := p.member.contact.last(id); !ok || last.Replica || p.member.nameTaken(servers, id) {
			continue
		}
		changes.Promotions = append(changes.Promotions, id)
	}
	slices.Sort(changes.Promotions)
	return changes
}

// GetNodeTypes leaves the types as the delegate has them.
func (*promoter) GetNodeTypes(*autopilot.Config, *autopilot.State) map[raft.ServerID]autopilot.NodeType {
	return nil
}
