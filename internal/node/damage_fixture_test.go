package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/harm"
)

// flips is how much damage a test does: little, unless MUSTER_FLIPS says otherwise.
func flips(t *testing.T) int {
	if testing.Short() {
		return 5
	}
	return int(dice.Number(t, "MUSTER_FLIPS", 25))
}

// outcome is what came of damage.
type outcome string

const (
	refused outcome = "refused"
	healed  outcome = "told of and healed"
	unhurt  outcome = "in no use"
)

// outcomeSaid is what came of damage after which the node serves, by what it has said.
func outcomeSaid(said string) outcome {
	if strings.Contains(said, "is damaged") || strings.Contains(said, "is missing") {
		return healed
	}
	return unhurt
}

// tally counts what came of which damage.
type tally map[string]map[outcome]int

func (c tally) add(d harm.Damage, o outcome) {
	if c[d.Kind()] == nil {
		c[d.Kind()] = map[outcome]int{}
	}
	c[d.Kind()][o]++
}

func (c tally) String() string {
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(c)) {
		lines = append(lines, fmt.Sprintf("%-20s %v", kind, c[kind]))
	}
	return strings.Join(lines, "\n")
}

// requireALine checks that a refusal is one line that says where and what to do.
func requireALine(t *testing.T, d harm.Damage, err error) {
	t.Helper()
	line := err.Error()
	t.Logf("%s: %s", d, line)
	says := strings.Contains(line, "let it join again") || strings.Contains(line, "newer muster")
	if strings.Contains(line, "\n") || !says {
		t.Errorf("%s: it says %q, which is not a line that says what to do", d, line)
	}
}
