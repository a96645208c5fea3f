package api

import (
	"net/http"

	"github.com/musterhq/muster/internal/wire"
)

// Cluster asks for the members of the cluster and the state of Raft.
func Cluster() Call[wire.Cluster] {
	return Call[wire.Cluster]{request{method: http.MethodGet, path: wire.PathCluster, patience: askingPatience}}
}
