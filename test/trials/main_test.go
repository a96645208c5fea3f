package trials

import (
	"fmt"
	"os"
	"testing"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
)

func TestMain(m *testing.M) {
	m.Run() // its status is the process's when TestMain returns
	if err := testcluster.RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// trials is how often something is done: usual times, unless MUSTER_TRIALS says otherwise.
func trials(t *testing.T, usual int) int { return int(dice.Number(t, "MUSTER_TRIALS", uint64(usual))) }
