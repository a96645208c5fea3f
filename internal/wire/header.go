package wire

import "strconv"

// The headers of Muster's own, in their canonical form. All but Age and Digest stand on every answer.
const (
	HeaderNode    = "Muster-Node"    // the label of the node that answered
	HeaderCluster = "Muster-Cluster" // the id of its cluster; absent before it belongs to one
	HeaderLeader  = "Muster-Leader"  // the leader's base URL; absent where it is unknown
	HeaderIndex   = "Muster-Index"   // of the whole state that a read shows, or at which a write committed
	HeaderAge     = "Muster-Age"     // of a read: the milliseconds for which the node can't vouch
	HeaderDigest  = "Muster-Digest"  // of a registration: stands for the client's document in later heartbeats
)

// HeaderIdempotencyKey stands on a write that must be applied once, however often it is sent.
const HeaderIdempotencyKey = "Idempotency-Key"

// MaxIdempotencyKey is how many characters an idempotency key may have.
const MaxIdempotencyKey = 64

// HeaderLastEventID is the position from which a watch goes on, as browsers send it by themselves.
const HeaderLastEventID = "Last-Event-ID"

// The media types of bodies.
const (
	TypeJSON     = "application/json"
	TypeProblem  = "application/problem+json"
	TypeSnapshot = "application/octet-stream"

	// The two forms of a watch.
	TypeEventStream = "text/event-stream"    // server-sent events
	TypeNDJSON      = "application/x-ndjson" // one JSON object a line
)

// The query parameters of reads.
const (
	ParamTag         = "tag" // repeatable; all must match
	ParamZone        = "zone"
	ParamMeta        = "meta."     // a prefix: meta.KEY=VALUE
	ParamFilter      = "filter"    // an expression over the instance's fields
	ParamStatus      = "status"    // healthy, unhealthy, unknown or any
	ParamMaxStale    = "max_stale" // the greatest age that will do
	ParamMinIndex    = "min_index" // the index that must have been applied
	ParamWait        = "wait"      // how long to wait for min_index, or for something newer than index
	ParamIndex       = "index"     // of a long poll: what is known already; of a watch: its position
	ParamCluster     = "cluster"   // the cluster that min_index belongs to
	ParamConsistency = "consistency"
	ParamService     = "service" // of a watch; repeatable
	ParamAll         = "all"     // of a watch: every service
	ParamAck         = "ack"     // of a watch: the name under which it confirms what it has applied
	ParamForce       = "force"   // of the removal of a node: even where the majority is lost by it

	// Linearizable is the one value of [ParamConsistency].
	Linearizable = "linearizable"
)

// IfMatch is the value of the header If-Match that makes a write depend on the version it meets.
func IfMatch(modifyIndex uint64) string {
	return strconv.Quote(strconv.FormatUint(modifyIndex, 10))
}
