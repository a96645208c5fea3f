package dice

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// New returns the random choices of a test. Their seed is printed, and MUSTER_SEED repeats it; what processes make of the
// same choices is up to the machine.
func New(t testing.TB) *rand.Rand {
	t.Helper()
	seed := Number(t, "MUSTER_SEED", uint64(time.Now().UnixNano()))
	t.Logf("MUSTER_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Number is a number of the environment, or the usual one where it is not set. One that can't be read fails the test.
func Number(t testing.TB, name string, usual uint64) uint64 {
	t.Helper()
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
