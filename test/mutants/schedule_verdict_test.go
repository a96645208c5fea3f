package mutants

import (
	"testing"
	"time"

	"github.com/musterhq/muster/internal/overlay"
)

// Only a mutant with which the very test fails is caught.
func TestOnlyATestThatFailsCatchesAMutant(t *testing.T) {
	const file, sum = "internal/crc32c/crc32c.go", "crc32.Castagnoli)"
	s := schedule{folder: "internal/crc32c", test: "TestTheSumIsTheOneThatTheFieldKnows"}
	for _, c := range []struct {
		what string
		new  string
		test string
		want verdict
	}{
		{what: "nothing is changed", new: sum, want: passed},
		{what: "another sum", new: "crc32.IEEE)", want: failed},
		{what: "no Go", new: "crc32.Castagnoli))", want: broken},
		{what: "a test that never ends", new: "crc32.Castagnoli); select {}", want: broken},
		{what: "a test that is not there", new: "crc32.IEEE)", test: "TestThatIsNotThere", want: broken},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s := s
			if c.test != "" {
				s.test = c.test
			}
			m := mutant{changes: []change{{file: file, old: sum, new: c.new}}}
			if o := s.run(t.Context(), overlay.Write(t, root, m.replacements()), 2*time.Second); o.verdict != c.want {
				t.Errorf("%s, not %s:\n%s", o.verdict, c.want, o.output)
			}
		})
	}
}
