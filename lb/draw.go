package lb

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
