package lb

import (
	"math"
	"math/bits"
)

// lottery draws instances by their shares, by the alias method: there is a box for each, all of the same size, and what is
// left of a box when its owner's share is in belongs to one other, whose share is larger than a box. A draw costs one look
// and no branch that a processor could guess wrong.
type lottery []box

type box struct {
	own   uint32 // of 2^32 draws that fall on the box, so many are its owner's
	other uint32 // whose the rest is
}

func newLottery(nodes []*node) lottery {
	total := 0.0
	for _, n := range nodes {
		total += n.shareNow()
	}
	left := make([]float64, len(nodes)) // of the shares, in boxes
	var small, large []uint32           // those who have less than a box left, and the others
	for i, n := range nodes {
		left[i] = n.shareNow() / total * float64(len(nodes))
		if left[i] < 1 {
			small = append(small, uint32(i))
		} else {
			large = append(large, uint32(i))
		}
	}
	l := make(lottery, len(nodes))
	for len(small) > 0 && len(large) > 0 {
		i, giver := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		l[i] = box{own: uint32(left[i] * (1 << 32)), other: giver}
		left[giver] -= 1 - left[i]
		if left[giver] < 1 {
			small, large = append(small, giver), large[:len(large)-1]
		}
	}
	for _, whole := range [][]uint32{small, large} { // who is small here is so by what rounding has lost
		for _, i := range whole {
			l[i] = box{own: math.MaxUint32, other: i}
		}
	}
	return l
}

// draw returns the number of the one that a random number falls to.
func (l lottery) draw(random uint64) uint32 {
	number, within := bits.Mul64(random, uint64(len(l)))
	b := l[number]
	owner := uint32(number)
	misses := uint32((int64(b.own) - 1 - int64(within>>32)) >> 63) // all bits, where it is not the owner's; else none
	return owner ^ (owner^b.other)&misses
}
