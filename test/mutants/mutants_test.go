package mutants

import (
	"fmt"
	"go/format"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/overlay"
)

// root is where the repository begins, seen from this package.
const root = "../.."

// Each mutant changes what it is meant to change, and what comes of it is Go.
func TestEveryMutantFitsTheSource(t *testing.T) {
	for _, m := range catalogue {
		files, err := overlay.Changed(root, m.replacements())
		if err != nil {
			t.Errorf("%s, %s: %v", m.name, m.bug, err)
		}
		for name, source := range files {
			if _, err := format.Source([]byte(source)); err != nil {
				t.Errorf("%s, %s: %s: %v", m.name, m.bug, name, err)
			}
		}
	}
}

func TestWhatIsNotThereOrTwiceIsNotReplaced(t *testing.T) {
	for _, source := range []string{"", "a = b", "a == b; a == b"} {
		c := overlay.Change{File: "x.go", Old: "a == b", New: "true"}
		if mutated, err := c.Apply(source); err == nil {
			t.Errorf("%q became %q", source, mutated)
		}
	}
}

// Each schedule fails with its mutant, and passes without. A short run leaves the latter to the packages that the tests are of.
func TestEveryMutantIsCaught(t *testing.T) {
	all := dice.Number(t, "MUSTER_MUTANTS", 0) > 0
	tried := 0
	for _, m := range catalogue {
		if !all && !m.quick {
			continue
		}
		tried++
		t.Run(m.name, func(t *testing.T) {
			if all {
				m.requirePassed(t)
			}
			m.requireCaught(t)
		})
	}
	if !all {
		t.Logf("%d of %d mutants: make mutants tries them all", tried, len(catalogue))
	}
}

// How often a leader that confirms reads in a worse way answers stale when it was frozen, for so many times as
// MUSTER_STALE_READS says.
func TestStaleReadsAreFoundWhereThereAreSome(t *testing.T) {
	n := int(dice.Number(t, "MUSTER_STALE_READS", 0))
	if n == 0 {
		t.Skip("NOT RUN: make stale-reads does")
	}
	for _, m := range []mutant{leaderState, verifyLeader} {
		t.Run(m.name, func(t *testing.T) {
			s := schedule{folder: "test/trials", test: frozenLeader, env: []string{fmt.Sprintf("MUSTER_TRIALS=%d", n)}}
			o := s.run(t.Context(), overlay.Write(t, root, m.replacements()), 3*time.Hour)
			t.Log(o.output)
			// With the other one stale answers are rare: a few hundred trials may well find none.
			if o.verdict == broken || o.verdict == passed && m.name == leaderState.name {
				t.Errorf("%s: %s", m.bug, o.verdict)
			}
		})
	}
}
