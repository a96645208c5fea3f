package cluster

import (
	"context"
	"fmt"
	"sync"

	"github.com/musterhq/muster/internal/fault"
)

// confirmTerm asks every other voter whether it is still in the term that this node leads in, and returns once a majority
// is.
//
// hashicorp/raft has VerifyLeader for this. It counts answers to messages that were sent before the read began, and
// those of non-voters: a leader that was paused was seen to vouch for stale reads. Here every question is asked anew,
// of voters only. That is enough: whoever votes for another leader writes the higher term down before it answers, and
// terms never fall, so once a majority has moved on no majority can answer the old term.
func (m *Member) confirmTerm(ctx context.Context, term uint64) error {
	voters := m.voters()
	ctx, cancel := context.WithCancel(ctx)
	var questions sync.WaitGroup
	defer questions.Wait()
	defer cancel() // the questions still under way when a majority has answered
	answers := make(chan bool, len(voters))
	agree := 0
	for _, v := range voters {
		if string(v.ID) == m.RaftID() {
			agree++
			continue
		}
		questions.Go(func() { answers <- m.inTerm(ctx, string(v.ID), term) })
	}
	for asked := len(voters) - agree; agree <= len(voters)/2; asked-- {
		if asked == 0 {
			return fmt.Errorf("%w: %d of %d voters confirm this node's leadership", fault.ErrNoLeader, agree, len(voters))
		}
		if <-answers {
			agree++
		}
	}
	return nil
}

// inTerm asks a node whether its term is the given one.
func (m *Member) inTerm(ctx context.Context, raftID string, term uint64) bool {
	answer, err := m.Call(ctx, raftID, callTerm, nil)
	if err != nil {
		return false
	}
	theirs, err := decodeUint64(answer)
	return err == nil && theirs == term
}
