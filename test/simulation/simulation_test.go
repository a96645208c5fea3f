package simulation

import (
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/dice"
)

// nightLength is how long a night is. Each has a cluster and a seed of its own.
const nightLength = time.Hour

// A cluster lives through MUSTER_SIMULATE_MINUTES of its own time, night after night, in which whatever can go wrong does.
// What its clients see must be linearizable, and what its watchers see must be what is there; its nodes must have the same
// state at the same index; leases must run out when they should and never before; and once nothing is wrong, it must go on.
//
// MUSTER_SEED is that of the first night; each has the next number.
func TestNightsOfAClusterInFakeTime(t *testing.T) {
	usual := uint64(usualMinutes)
	if testing.Short() {
		usual = 10
	}
	length := time.Duration(dice.Number(t, "MUSTER_SIMULATE_MINUTES", usual)) * time.Minute
	seed := dice.Number(t, "MUSTER_SEED", uint64(time.Now().UnixNano()))
	t.Logf("MUSTER_SEED=%d", seed)
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // what a night leaves behind is small
	f := &figures{done: map[string]int{}}
	began := time.Now()
	t.Run("nights", func(t *testing.T) { // which ends when all of them have
		for ; length > 0; length -= nightLength {
			pass(t, seed, min(length, nightLength), f)
			seed++
		}
	})
	took := time.Since(began)
	t.Logf("%s of a cluster's life in %s, %.0f times as fast: %s",
		f.simulated.Round(time.Minute), took.Round(time.Second), f.simulated.Seconds()/took.Seconds(), f)
}

// pass has a night pass, beside others.
func pass(t *testing.T, seed uint64, length time.Duration, f *figures) {
	t.Run(fmt.Sprint(seed), func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			newNight(t, seed, f).pass(length)
			f.add(func(f *figures) { f.simulated += time.Since(began) })
			if t.Failed() {
				t.Logf("the night again, with the same things going wrong at the same times: "+
					"MUSTER_SEED=%d MUSTER_SIMULATE_MINUTES=%.0f go test -count=1 -v ./test/simulation", seed, length.Minutes())
			}
		})
	})
}
