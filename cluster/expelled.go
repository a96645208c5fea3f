package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// callBelongs asks the leader whether a server is one of the configuration.
const callBelongs = "belongs"

type belongsAnswer struct {
	Belongs bool `json:"belongs"`
}

// expelledError is what a node that was removed from its cluster says to everybody. It is a [fault.ErrNotReady], in its own
// words.
type expelledError struct{ clusterID string }

func (e *expelledError) Error() string {
	return fmt.Sprintf("this node was removed from cluster %s and takes no part in it any more; what it has is getting old. "+
		"Stop it, or empty its data directory and start it again, to let it join as a new node", e.clusterID)
}

func (*expelledError) Is(target error) bool { return target == fault.ErrNotReady }

// Expelled is nil unless this node has been removed from its cluster; the error, a [fault.ErrNotReady], says so. There is no
// way back.
func (m *Member) Expelled() error {
	if e := m.expelled.Load(); e != nil {
		return e
	}
	return nil
}

// notice looks again and again, while this node knows no leader, whether it still is a member: leaders do not speak to
// servers that were removed, and may have removed them while they were away.
func (m *Member) notice(ctx context.Context) {
	tick := time.NewTicker(m.config.pace.survey)
	defer tick.Stop()
	alone := 0
	for m.Expelled() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		leader, _ := m.Leader()
		if leader != "" || m.ClusterID() == "" {
			alone = 0
			continue
		}
		if alone++; alone > 1 && m.isExpelled(ctx) {
			m.leaveRaft()
		}
	}
}

// isExpelled asks the others until one, the leader, knows.
func (m *Member) isExpelled(ctx context.Context) bool {
	ids := map[string]bool{}
	for _, s := range m.servers() {
		ids[string(s.ID)] = true
	}
	for _, n := range m.gossip.neighbours() {
		ids[n.RaftID] = n.ClusterID != ""
	}
	delete(ids, m.RaftID())
	for id, member := range ids {
		if !member {
			continue
		}
		if belongs, err := m.askBelongs(ctx, id); err == nil {
			return !belongs
		}
	}
	return false
}

func (m *Member) askBelongs(ctx context.Context, leader string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, belongTimeout)
	defer cancel()
	b, err := m.Call(ctx, leader, callBelongs, []byte(m.RaftID()))
	if err != nil {
		return false, err
	}
	var answer belongsAnswer
	return answer.Belongs, json.Unmarshal(b, &answer)
}

// answerBelongs speaks for the cluster only where it can: the configuration is committed, and a majority confirms afterwards
// that this node leads, so that there is no newer one.
func (m *Member) answerBelongs(ctx context.Context, raftID []byte) ([]byte, error) {
	servers, index := m.configuration()
	if m.raft.CommitIndex() < index {
		return nil, errors.New("a change of the membership is under way")
	}
	if _, err := m.leaderRounds.ask(ctx); err != nil {
		return nil, ErrNotLeader
	}
	belongs := false
	for _, s := range servers {
		belongs = belongs || string(s.ID) == string(raftID)
	}
	return json.Marshal(belongsAnswer{belongs})
}

// leaveRaft ends this node's part in Raft. The process goes on, to say why it is of no use.
func (m *Member) leaveRaft() {
	e := &expelledError{m.ClusterID()}
	m.expelled.Store(e)
	m.config.Log.Error(e.Error())
	if err := m.raft.Shutdown().Error(); err != nil {
		m.config.Log.Warn("Raft did not end in good order", "error", err)
	}
}
