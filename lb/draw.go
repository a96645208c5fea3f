package lb

import "math/bits"

// draws is how places of a list are drawn, all of a draw different: a random first one and then every so many further on,
// round the end. Two of them are as independent as two draws from a bag; of more, each pair of neighbours is. That costs one
// random number, and no memory of what was drawn.
type draws struct {
	of    uint32
	steps uint32 // how many widths of a step there are
	count int    // places of each draw
}

// newDraws prepares draws of k places of n. Where n is not above k, all n are drawn.
func newDraws(k, n int) draws {
	d := draws{of: uint32(n), steps: 1, count: min(k, n)}
	if k > 1 && n > k {
		d.steps = uint32((n - 1) / (k - 1))
	}
	return d
}

// begin draws, by a random number: a first place, and the step to each next one.
func (d *draws) begin(random uint64) (place, step uint32) {
	return scale(uint32(random), d.of), 1 + scale(uint32(random>>32), d.steps)
}

// after is the place a step after another.
func (d *draws) after(place, step uint32) uint32 {
	if place += step; place >= d.of {
		place -= d.of
	}
	return place
}

// scale makes a number below n of a random one, without the cost of a division.
func scale(random, n uint32) uint32 { return uint32(uint64(random) * uint64(n) >> 32) }

// stretches is how places all over a list are drawn: the round, from a random place on, is cut into as many stretches of the
// same width as there are draws, and one place is drawn of each. Neighbours often share their fate, by a rack or by a release
// that goes from one to the next, and even steps through the list may come upon none but them.
type stretches struct {
	of    uint32
	width uint32
	count int // places of each draw
}

// newStretches prepares draws of k places of n. Where n is not above k, all n are drawn.
func newStretches(k, n int) stretches {
	s := stretches{of: uint32(n), count: min(k, n)}
	s.width = s.of / uint32(max(1, s.count))
	return s
}

// begin draws where the first stretch begins, and returns what is left of the random number.
func (s *stretches) begin(random uint64) (start uint32, rest uint64) {
	high, rest := bits.Mul64(random, uint64(s.of))
	return uint32(high), rest
}

// draw draws a place of the stretch that begins at start, and returns where the next begins.
func (s *stretches) draw(start uint32, random uint64) (place, next uint32, rest uint64) {
	high, rest := bits.Mul64(random, uint64(s.width))
	return s.wrap(start + uint32(high)), s.wrap(start + s.width), rest
}

func (s *stretches) wrap(place uint32) uint32 {
	if place >= s.of {
		place -= s.of
	}
	return place
}
