package registry

import (
	"fmt"
	"testing"
)

// TestSmallServicesTogetherRememberOnlySoMuch looks inside: too much that is remembered would be missed by nobody but the
// memory.
func TestSmallServicesTogetherRememberOnlySoMuch(t *testing.T) {
	const services, changes = 1_500, 70
	s, index := NewState(), uint64(0)
	for round := range changes {
		edit := s.Edit()
		for n := range services {
			index++
			i := Instance{Service: fmt.Sprint(n), ID: "1", Address: "10.0.0.7", Port: round + 1}
			if _, err := edit.Apply(index, Register{Instance: i}); err != nil {
				t.Fatal(err)
			}
		}
		s = edit.Commit()
	}
	if got, most := s.past.remembered, maxGenerous+2*services; got != s.count() || got > most {
		t.Errorf("%d changes are counted and %d are remembered, want at most %d", got, s.count(), most)
	}

	edit := s.Edit()
	for n := range services {
		index++
		if _, err := edit.Apply(index, Deregister{Service: fmt.Sprint(n), ID: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	s = edit.Commit()
	for n := range maxDeparted {
		edit := s.Edit()
		i := Instance{Service: fmt.Sprint("t", n), ID: "1", Address: "10.0.0.7", Port: 1}
		for _, op := range []Operation{Register{Instance: i}, Deregister{Service: i.Service, ID: i.ID}} {
			index++
			if _, err := edit.Apply(index, op); err != nil {
				t.Fatal(err)
			}
		}
		s = edit.Commit()
	}
	if got := s.past.remembered; got != s.count() || s.past.departed.Len() > maxDeparted {
		t.Errorf("after their departure %d changes are counted and %d remembered, of %d services", got, s.count(), s.past.departed.Len())
	}
	if n := s.past.changed.count(); n > 2*max(services/2, trailOfState) {
		t.Errorf("the names of %d services are remembered", n)
	}
}

// count counts what all services remember.
func (s *State) count() (n int) {
	for service := range s.Services() {
		n += service.trail.count()
	}
	s.past.departed.Root().Walk(func(_ []byte, service *Service) bool {
		n += service.trail.count()
		return false
	})
	return n
}
