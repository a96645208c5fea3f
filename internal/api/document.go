package api

import "github.com/musterhq/muster/registry"

// document is the part of an instance that a client has to say, and nothing that it leaves to the registry: the defaults
// would otherwise stand as zeros in every request that a person reads. Service and id are in the path.
type document struct {
	Address  string            `json:"address"`
	Port     int               `json:"port"`
	Zone     string            `json:"zone,omitempty"`
	Weight   int               `json:"weight,omitempty"`
	Tags     []string          `json:"tags,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Lease    *registry.Lease   `json:"lease,omitempty"`
	Checks   []checkDocument   `json:"checks,omitempty"`
}

// checkDocument is the same part of a check.
type checkDocument struct {
	Name          string             `json:"name,omitempty"`
	Type          registry.CheckType `json:"type"`
	Port          int                `json:"port,omitempty"`
	Interval      registry.Duration  `json:"interval,omitempty"`
	Timeout       registry.Duration  `json:"timeout,omitempty"`
	Rise          int                `json:"rise,omitempty"`
	Fall          int                `json:"fall,omitempty"`
	Path          string             `json:"path,omitempty"`
	Method        string             `json:"method,omitempty"`
	Headers       map[string]string  `json:"headers,omitempty"`
	ExpectStatus  int                `json:"expect_status,omitempty"`
	ExpectBody    string             `json:"expect_body,omitempty"`
	GRPCService   string             `json:"grpc_service,omitempty"`
	TLS           bool               `json:"tls,omitempty"`
	TLSSkipVerify bool               `json:"tls_skip_verify,omitempty"`
}

func documentOf(i registry.Instance) document {
	d := document{
		Address: i.Address, Port: i.Port,
		Zone: i.Zone, Weight: i.Weight, Tags: i.Tags, Metadata: i.Metadata, Lease: i.Lease,
	}
	for _, c := range i.Checks {
		d.Checks = append(d.Checks, checkDocument{
			Name: c.Name, Type: c.Type, Port: c.Port,
			Interval: c.Interval, Timeout: c.Timeout, Rise: c.Rise, Fall: c.Fall,
			Path: c.Path, Method: c.Method, Headers: c.Headers, ExpectStatus: c.ExpectStatus, ExpectBody: c.ExpectBody,
			GRPCService: c.GRPCService, TLS: c.TLS, TLSSkipVerify: c.TLSSkipVerify,
		})
	}
	return d
}
