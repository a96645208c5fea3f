package lb

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// TestStretchesAreFairAndDrawNobodyTwice: all of a draw are different, lie in the list, and each place is drawn as often.
func TestStretchesAreFairAndDrawNobodyTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, n := rapid.IntRange(1, 8).Draw(t, "k"), rapid.IntRange(1, 40).Draw(t, "n")
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		draws := newStretches(k, n)
		drawn := make([]int, n)
		const rounds = 4000
		for range rounds {
			next, random := draws.begin(dice.Uint64())
			seen := map[uint32]bool{}
			for range draws.count {
				var place uint32
				place, next, random = draws.draw(next, random)
				if seen[place] {
					t.Fatalf("place %d is drawn twice", place)
				}
				seen[place] = true
				drawn[place]++
			}
		}
		fair := float64(rounds*min(k, n)) / float64(n)
		for place, times := range drawn {
			if off := float64(times) - fair; off*off > 49*fair {
				t.Errorf("place %d is drawn %d times, where %.0f are its due", place, times, fair)
			}
		}
	})
}
