package lb

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestALotteryHasASharePerWeight adds up what belongs to each in all boxes: nothing is drawn, and so chance has no part in it.
func TestALotteryHasASharePerWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Float64Range(0.1, 1000), 1, 300).Draw(t, "weights")
		var nodes []*node
		total := 0.0
		for _, w := range weights {
			n := &node{}
			n.share.Store(math.Float64bits(w))
			nodes, total = append(nodes, n), total+w
		}
		got := make([]float64, len(nodes))
		for i, b := range newLottery(nodes) {
			got[i] += float64(b.own) / (1 << 32)
			got[b.other] += 1 - float64(b.own)/(1<<32)
		}
		for i, w := range weights {
			if due := w / total * float64(len(nodes)); math.Abs(got[i]-due) > 1e-6 {
				t.Errorf("%d of weight %v has %v boxes, where %v are its due", i, w, got[i], due)
			}
		}
	})
}

// TestALotteryDrawsTheOwnerOrTheOtherOfABox: a random number's upper bits choose the box, and the next ones who has it.
func TestALotteryDrawsTheOwnerOrTheOtherOfABox(t *testing.T) {
	l := lottery{{own: 1 << 31, other: 3}, {own: math.MaxUint32, other: 1}, {own: 0, other: 1}, {own: math.MaxUint32, other: 3}}
	const quarter = 1 << 62
	for random, want := range map[uint64]uint32{
		0: 0, quarter/2 - 1: 0, quarter / 2: 3, quarter - 1: 3,
		quarter: 1, 2*quarter - 1: 1,
		2 * quarter: 1, 3*quarter - 1: 1,
		3 * quarter: 3, math.MaxUint64: 3,
	} {
		if got := l.draw(random); got != want {
			t.Errorf("%#x draws %d, want %d", random, got, want)
		}
	}
}
