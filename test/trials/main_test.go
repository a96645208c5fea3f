package trials

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

func TestMain(m *testing.M) {
	m.Run() // its status is the process's when TestMain returns
	if err := testcluster.RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// trials is how often something is done: usual times, unless MUSTER_TRIALS says otherwise.
func trials(t *testing.T, usual int) int { return int(number(t, "MUSTER_TRIALS", uint64(usual))) }

// dice are the random choices of a test. Its seed is printed, and MUSTER_SEED repeats it; what the processes make of the
// same choices is up to the machine.
func dice(t *testing.T) *rand.Rand {
	seed := number(t, "MUSTER_SEED", uint64(time.Now().UnixNano()))
	t.Logf("MUSTER_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func number(t *testing.T, name string, usual uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is a number, not %q", name, text)
	}
	return n
}
