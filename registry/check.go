package registry

import "maps"

// CheckType says how a check asks an instance for its health.
type CheckType string

// The types of checks.
const (
	CheckHTTP CheckType = "http" // a request and what is expected of the answer
	CheckTCP  CheckType = "tcp"  // a connection that opens
	CheckGRPC CheckType = "grpc" // grpc.health.v1
)

// Check is a question that the registry asks an instance again and again, at the instance's own address.
// The defaults of its fields are in [Instance.Normalize], their limits next to [MaxChecks].
type Check struct {
	Name     string    `json:"name" bexpr:"name"` // unique within the instance
	Type     CheckType `json:"type" bexpr:"type"`
	Port     int       `json:"port,omitempty" bexpr:"port"` // 0 is the instance's own
	Interval Duration  `json:"interval" bexpr:"interval"`
	Timeout  Duration  `json:"timeout" bexpr:"timeout"`
	Rise     int       `json:"rise" bexpr:"rise"` // good answers in a row that make it healthy
	Fall     int       `json:"fall" bexpr:"fall"` // bad answers in a row that make it unhealthy

	// For http.
	Path         string            `json:"path,omitempty" bexpr:"path"`
	Method       string            `json:"method,omitempty" bexpr:"method"`
	Headers      map[string]string `json:"headers,omitempty" bexpr:"headers"`
	ExpectStatus int               `json:"expect_status,omitempty" bexpr:"expect_status"` // 0 is any of 200 to 299
	ExpectBody   string            `json:"expect_body,omitempty" bexpr:"expect_body"`     // must occur in the answer

	// For grpc.
	GRPCService string `json:"grpc_service,omitempty" bexpr:"grpc_service"`

	// For http and grpc.
	TLS           bool `json:"tls,omitempty" bexpr:"tls"`
	TLSSkipVerify bool `json:"tls_skip_verify,omitempty" bexpr:"tls_skip_verify"`

	// The result, which the registry owns. Unknown until the first answer.
	Status Status `json:"status" bexpr:"status"`
	Output string `json:"output,omitempty" bexpr:"output"`

	// Preserved tells that nobody who asked got an answer, and that the registry keeps the instance all the same, as a
	// [Warning]: too much of its service fell silent at once for that to be believed.
	Preserved bool `json:"preserved,omitempty" bexpr:"preserved"`
}

func (c Check) clone() Check {
	c.Headers = maps.Clone(c.Headers)
	return c
}
