package node

import (
	"context"

	"github.com/musterhq/muster/internal/wire"
)

// Transfer has leadership handed over; see [cluster.Member.Transfer].
func (n *Node) Transfer(ctx context.Context, to string) (leader string, err error) {
	if err := n.member.Expelled(); err != nil {
		return "", err
	}
	return n.member.Transfer(ctx, to)
}

// Remove takes a node out of the cluster; see [cluster.Member.Remove].
func (n *Node) Remove(ctx context.Context, node string, force bool) (wire.RemovedNode, error) {
	if err := n.member.Expelled(); err != nil {
		return wire.RemovedNode{}, err
	}
	removed, err := n.member.Remove(ctx, node, force)
	return wire.RemovedNode{ID: removed.Label, RaftID: removed.RaftID}, err
}
