package checks

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/musterhq/muster/registry"
)

// CallFindings is the call with which a node tells the leader what it has found out. It is answered once that is decided.
const CallFindings = "check-findings"

// maxFindings is how many findings go in one message. With names, outputs and evidence of the greatest length they take 2 MiB
// of the 4 that a message between nodes may have.
const maxFindings = 512

// maxOutput is how much of an output goes into a finding. Those of package probe are shorter.
const maxOutput = 512

// Finding says that a check stands otherwise than the state shows. It holds for one registration of the instance.
type Finding struct {
	Service     string `json:"service"`
	ID          string `json:"id"`
	Incarnation uint64 `json:"incarnation"`
	Check       string `json:"check"`

	Status registry.Status `json:"status"`
	Silent bool            `json:"silent,omitempty"` // it is unhealthy, and the only ground for that is that nothing is heard
	Output string          `json:"output,omitempty"`
	Well   time.Duration   `json:"well,omitempty"` // for how long every answer has been good; nanoseconds

	Evidence string   `json:"evidence,omitempty"`
	SeenBy   []string `json:"seen_by,omitempty"`
}

// key names a check of an instance.
type key struct{ service, id, check string }

func (f *Finding) key() key { return key{f.Service, f.ID, f.Check} }

func (f *Finding) fallen() fallen { return fallen{f.key(), f.Incarnation} }

func encodeFindings(findings []Finding) ([]byte, error) { return json.Marshal(findings) }

func decodeFindings(b []byte) ([]Finding, error) {
	var findings []Finding
	if err := json.Unmarshal(b, &findings); err != nil {
		return nil, fmt.Errorf("another node sent something else than findings: %w", err)
	}
	for n := range findings {
		switch findings[n].Status {
		case registry.Healthy, registry.Warning, registry.Unhealthy, registry.Unknown:
		default:
			return nil, fmt.Errorf("another node found that a check is %q, which is no status", findings[n].Status)
		}
	}
	return findings, nil
}

// current is the instance that was asked, with its check, as the state has it now; nil where that is another one by now.
func current(s *registry.State, service, id string, incarnation uint64, check string) (*registry.Instance, *registry.Check) {
	i, err := s.Instance(service, id)
	if err != nil || i.Incarnation != incarnation {
		return nil, nil
	}
	for n := range i.Checks {
		if i.Checks[n].Name == check {
			return i, &i.Checks[n]
		}
	}
	return nil, nil
}
