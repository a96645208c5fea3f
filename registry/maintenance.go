package registry

import "cmp"

// Maintenance takes an instance out of discovery without deregistering it.
type Maintenance struct {
	Enabled bool   `json:"enabled" bexpr:"enabled"`
	Reason  string `json:"reason,omitempty" bexpr:"reason"`
}

// SetMaintenance takes an instance out of discovery, or lets it back in. It stays so over registrations.
type SetMaintenance struct {
	Service, ID string
	Maintenance Maintenance // a reason counts only while it is enabled
}

// Target names the instance that goes into maintenance or comes out of it.
func (s SetMaintenance) Target() (service, id string) { return s.Service, s.ID }

// Validate tells whether the operation names an instance and the reason can be shown to people.
func (s SetMaintenance) Validate() error {
	return cmp.Or(
		validateName("service", s.Service),
		validateName("id", s.ID),
		validateText("reason", s.Maintenance.Reason, 0, MaxReasonBytes),
	)
}

func (s SetMaintenance) next(cur *Instance, index uint64) (*Instance, error) {
	if cur == nil {
		return nil, instanceNotFound(s.Service, s.ID)
	}
	m := s.Maintenance
	if !m.Enabled {
		m.Reason = ""
	}
	if cur.Maintenance == m {
		return cur, nil
	}
	i := *cur
	i.Maintenance = m
	i.ModifyIndex = index
	return &i, nil
}
