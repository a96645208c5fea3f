package api

import (
	"net/http"
	"net/url"

	"github.com/musterhq/muster/internal/wire"
)

// Transfer hands leadership over to a node, given by its label or Raft id, or to any where that is empty.
func Transfer(to string) Call[wire.Leadership] {
	return Call[wire.Leadership]{command(http.MethodPost, wire.PathLeadership, wire.Transfer{To: to})}
}

// RemoveNode takes a node, given by its label or Raft id, out of the cluster; with force even where that costs the
// majority.
func RemoveNode(node string, force bool) Call[wire.RemovedNode] {
	call := command(http.MethodDelete, wire.PathNode(node), nil)
	if force {
		call.query = url.Values{wire.ParamForce: {"true"}}
	}
	return Call[wire.RemovedNode]{call}
}
