package api

import (
	"net/http"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

// Heartbeats renews the leases of instances, up to [wire.MaxHeartbeats] of them. The patience is how long one node may take
// to answer before the next one is asked: a part of the shortest lease, since a node that is frozen must not use it all up.
func Heartbeats(patience time.Duration, instances ...wire.Heartbeat) Call[wire.Renewal] {
	r := command(http.MethodPost, wire.PathHeartbeats, wire.Heartbeats{Instances: instances})
	r.harmless = true
	r.patience = patience
	return fitting(r, func(answer wire.Renewal) bool { return answer.Renewed+len(answer.Missing) == len(instances) })
}
