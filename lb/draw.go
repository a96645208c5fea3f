package lb

import "math/bits"

// draw is some of the places of a list, all of them different: a random first one and then every so many further on, round
// the end. Two of them are as independent as two draws from a bag; of more, each pair of neighbours is. That costs one
// random number, and no memory of what was drawn.
type draw struct {
	place, step, of uint32
}

// newDraw begins a draw of k places of n, by a random number. Where n is not above k, all n are drawn.
func newDraw(random uint64, k, n int) draw {
	d := draw{place: scale(uint32(random), uint32(n)), step: 1, of: uint32(n)}
	if k > 1 && n > k {
		d.step += scale(uint32(random>>32), uint32((n-1)/(k-1)))
	}
	return d
}

// next is the place to look at after d.place.
func (d *draw) next() {
	d.place += d.step
	if d.place >= d.of {
		d.place -= d.of
	}
}

// scale makes a number below n of a random one, without the cost of a division.
func scale(random, n uint32) uint32 {
	hi, _ := bits.Mul32(random, n)
	return hi
}
