package wire

import "github.com/musterhq/muster/registry"

// The body of a registration is a [registry.Instance], and so is the answer to it, to a report and to maintenance: the
// instance as it now stands.

// HealthReport is the body of PUT .../health.
type HealthReport struct {
	Status registry.Status `json:"status"`
	Output string          `json:"output,omitempty"`
	Check  string          `json:"check,omitempty"` // empty reports the instance itself
}

// Maintenance is the body of PUT .../maintenance. Enabled is a pointer since it must be said: an empty body would
// bring an instance back into discovery.
type Maintenance struct {
	Enabled *bool  `json:"enabled"`
	Reason  string `json:"reason,omitempty"`
}

// Deregistered answers DELETE of an instance.
type Deregistered struct {
	Index uint64 `json:"index"`

	*Drained // nil where nobody was to be waited for
}

// MaxOperations is how many operations a batch may hold.
const MaxOperations = 512

// Batch is the body of POST /v1/batch: up to [MaxOperations] operations on as many instances, applied all or none.
type Batch struct {
	Operations []BatchOperation `json:"operations"`
}

// BatchOperation is one operation of a batch; exactly one of its fields is set.
type BatchOperation struct {
	Register   *registry.Instance `json:"register,omitempty"`
	Deregister *BatchDeregister   `json:"deregister,omitempty"`
	Health     *BatchHealth       `json:"health,omitempty"`
}

// BatchDeregister names an instance to be removed.
type BatchDeregister struct {
	Service string `json:"service"`
	ID      string `json:"id"`
}

// BatchHealth is a [HealthReport] with the instance that it is about.
type BatchHealth struct {
	Service string `json:"service"`
	ID      string `json:"id"`
	HealthReport
}

// BatchAnswer answers a batch: one index for all, and a result for each operation in its order.
type BatchAnswer struct {
	Index   uint64        `json:"index"`
	Results []BatchResult `json:"results"`
}

// BatchResult is what one operation of a batch did.
type BatchResult struct {
	Service  string             `json:"service"`
	ID       string             `json:"id"`
	Created  bool               `json:"created"`            // the instance was not there before
	Changed  bool               `json:"changed"`            // false where everything stood as wanted
	Digest   string             `json:"digest,omitempty"`   // of a registration; see [HeaderDigest]
	Instance *registry.Instance `json:"instance,omitempty"` // as it now stands; absent after a deregistration
}
