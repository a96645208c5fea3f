package wire

// MaxHeartbeats is how many instances one call may renew the leases of.
const MaxHeartbeats = 10_000

// MaxDigest is how many characters the digest of a heartbeat may have. Those of [HeaderDigest] have fewer.
const MaxDigest = 64

// Heartbeats is the body of POST /v1/heartbeats: up to [MaxHeartbeats] instances whose leases are to be renewed.
type Heartbeats struct {
	Instances []Heartbeat `json:"instances"`
}

// Heartbeat names an instance that is alive and, if Digest is given, the document that it was registered with.
type Heartbeat struct {
	Service string `json:"service"`
	ID      string `json:"id"`
	Digest  string `json:"digest,omitempty"` // see [HeaderDigest]
}

// Renewal answers heartbeats. Its lists have the order of the heartbeats.
type Renewal struct {
	Renewed int            `json:"renewed"` // instances that are registered, those under Differs and those without a lease included
	Missing []InstanceName `json:"missing"` // instances that are not registered
	Differs []InstanceName `json:"differs"` // instances of which the registry holds another document than the digest's
}

// InstanceName names an instance.
type InstanceName struct {
	Service string `json:"service"`
	ID      string `json:"id"`
}
