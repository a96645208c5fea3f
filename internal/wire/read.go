package wire

import "github.com/musterhq/muster/registry"

// Services answers GET /v1/services.
type Services struct {
	Index    uint64    `json:"index"` // of the whole state
	Services []Service `json:"services"`
}

// Service is one line of [Services]: a service in numbers, of those of its instances that the query asked for.
type Service struct {
	Name        string   `json:"name"`
	Instances   int      `json:"instances"`
	Healthy     int      `json:"healthy"` // those that a plain discovery lists
	Tags        []string `json:"tags"`    // of all instances, each once, sorted
	ModifyIndex uint64   `json:"modify_index"`
}

// Discovered answers GET /v1/services/{service}.
type Discovered struct {
	Index     uint64               `json:"index"` // of the service's last change
	Service   string               `json:"service"`
	Instances []*registry.Instance `json:"instances"` // in the order of their ids
}
