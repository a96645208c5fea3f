//go:build muster_reads_verify_leader

package cluster

import "context"

// confirmTerm trusts hashicorp/raft's own check. Only the trial of paused leaders builds this, to show that it can find the
// stale reads that come of it.
func (m *Member) confirmTerm(ctx context.Context, _ uint64) error {
	return m.settled(ctx, m.raft.VerifyLeader())
}
