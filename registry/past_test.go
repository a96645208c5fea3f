package registry

import (
	"fmt"
	"strings"
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

// TestALargeInstanceIsRememberedLessOften: what is remembered is bounded by its size, or a service of one instance could take
// 64 times the memory that its state takes.
func TestALargeInstanceIsRememberedLessOften(t *testing.T) {
	s, value := NewState(), strings.Repeat("x", MaxMetadataValueBytes)
	for index := range uint64(100) {
		metadata := map[string]string{}
		for n := range MaxMetadata {
			metadata[fmt.Sprint(n)] = value
		}
		edit := s.Edit()
		i := Instance{Service: "a", ID: "1", Address: "10.0.0.7", Port: int(index) + 1, Metadata: metadata}
		if _, err := edit.Apply(index+1, Register{Instance: i}); err != nil {
			t.Fatal(err)
		}
		s = edit.Commit()
	}
	if n := s.Service("a").trail.count(); n < 1 || n > 2 {
		t.Errorf("%d changes of an instance of %d KiB are remembered", n, MaxMetadata*len(value)>>10)
	}
}
