package ecommerceevents

import (
	"math/bits"
	"math/rand/v2"
)

// random is the one source of chance of a simulation. It is a plain PCG, whose
// sequence Go promises to keep, so a seed means the same shop for ever.
type random struct {
	rand.PCG
}

func newRandom(seed uint64) *random {
	r := &random{}
	r.Seed(seed, 0x9e3779b97f4a7c15)
	return r
}

// below draws evenly from 0 up to, not including, n.
func (r *random) below(n uint32) uint32 {
	return scale(uint32(r.Uint64()>>32), n)
}

// scale maps the 32 random bits to 0 up to, not including, n.
func scale(random, n uint32) uint32 {
	return uint32(uint64(random) * uint64(n) >> 32)
}

// ranks draws ranks 0 up to n-1 where rank k is drawn in proportion to a
// weight, in constant time (Vose's alias method). It is made with whole numbers
// only, so that every processor architecture draws the same.
type ranks struct {
	cells []rankCell
}

type rankCell struct {
	keep  uint32 // the share of 1<<32 in which the cell's own rank is drawn
	alias uint32 // else this one
}

// zipfRanks gives ranks 0 up to n-1 where rank k comes up in proportion to
// 1/(k+1), the classic law of Zipf. n is at least 1.
func zipfRanks(n int) ranks {
	weights := make([]uint64, n)
	for k := range weights {
		weights[k] = zipfWeight(k)
	}
	return weightedRanks(weights)
}

// zipfWeight is the weight of rank k: 1/(k+1) in units of 1/2^32.
func zipfWeight(k int) uint64 {
	return (1 << 32) / uint64(k+1)
}

// weightedRanks gives the ranks of these weights, of which each is at most
// 1<<32, the sum is above 0, and there are at most 1<<24.
func weightedRanks(weights []uint64) ranks {
	n := uint64(len(weights))
	var total uint64
	for _, w := range weights {
		total += w
	}
	cells := make([]rankCell, n)
	left := make([]uint64, n) // in units in which a full cell is total
	var small, large []uint32
	for k, w := range weights {
		left[k] = w * n
		cells[k] = rankCell{keep: ^uint32(0), alias: uint32(k)}
		if left[k] < total {
			small = append(small, uint32(k))
		} else {
			large = append(large, uint32(k))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		keep, _ := bits.Div64(left[s]>>32, left[s]<<32, total)
		cells[s] = rankCell{keep: uint32(keep), alias: l}
		left[l] -= total - left[s]
		if left[l] < total {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return ranks{cells: cells}
}

// draw gives a rank for 64 random bits.
func (t ranks) draw(random uint64) uint32 {
	k := scale(uint32(random>>32), uint32(len(t.cells)))
	cell := t.cells[k]
	if uint32(random) <= cell.keep {
		return k
	}
	return cell.alias
}

// spread gives each rank below n a number below n of its own, so that a low
// rank does not mean a low number: what sells best is not product 1.
func spread(rank, n uint32) uint32 {
	step := uint64(n)*5/8 | 1
	for gcd(step, uint64(n)) != 1 {
		step += 2
	}
	return uint32((uint64(rank)*step + uint64(n)/3) % uint64(n))
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
