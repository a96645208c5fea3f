package wire

import "net/url"

// The paths that name no service.
const (
	PathServices = "/v1/services"
	PathBatch    = "/v1/batch"
	PathWatch    = "/v1/watch"
	PathCluster  = "/v1/cluster"
	PathSelf     = "/v1/cluster/self"
	PathSnapshot = "/v1/cluster/snapshot"

	PathHeartbeats = "/v1/heartbeats"

	PathLeadership = "/v1/cluster/leadership"
	PathNodes      = "/v1/cluster/nodes"

	PathHealthz = "/healthz"
	PathReadyz  = "/readyz"
	PathMetrics = "/metrics"
)

// PathService is where a service is discovered. As in all paths of this package, a slash within a name travels as %2F:
// it is a character of the name, never a step of the path.
func PathService(service string) string {
	return PathServices + "/" + url.PathEscape(service)
}

// PathInstances is where an instance is registered under the id in its body, or under the default one.
func PathInstances(service string) string {
	return PathService(service) + "/instances"
}

// PathInstance is one instance: to register, to read and to deregister it.
func PathInstance(service, id string) string {
	return PathInstances(service) + "/" + url.PathEscape(id)
}

// PathHealth is where the health of an instance or of one of its checks is reported.
func PathHealth(service, id string) string {
	return PathInstance(service, id) + "/health"
}

// PathHistory tells how the instance came to be as it is.
func PathHistory(service, id string) string {
	return PathInstance(service, id) + "/history"
}

// PathHeartbeat is where the lease of an instance is renewed.
func PathHeartbeat(service, id string) string {
	return PathInstance(service, id) + "/heartbeat"
}

// PathNode is one node of the cluster, by its label or Raft id: to remove it.
func PathNode(node string) string {
	return PathNodes + "/" + url.PathEscape(node)
}

// PathMaintenance is where an instance is taken out of discovery and brought back.
func PathMaintenance(service, id string) string {
	return PathInstance(service, id) + "/maintenance"
}

// PathWatchOf is an acknowledging watch: to end it.
func PathWatchOf(watch string) string {
	return PathWatch + "/" + url.PathEscape(watch)
}

// PathAcknowledgement is where the owner of an acknowledging watch says what it has applied, on the node that it watches.
func PathAcknowledgement(watch string) string {
	return PathWatchOf(watch) + "/ack"
}
