package ecommerceevents

import (
	"math/bits"
	"math/rand/v2"
)

// random is a simulation's only source of randomness. It is a PCG, whose sequence
// Go promises not to change, so a seed always yields the same shop.
type random struct {
	rand.PCG
}

func newRandom(seed uint64) *random {
	r := &random{}
	r.Seed(seed, 0x9e3779b97f4a7c15)
	return r
}

// below returns a uniformly distributed number from 0 to n-1.
func (r *random) below(n uint32) uint32 {
	return scale(uint32(r.Uint64()>>32), n)
}

// scale maps 32 random bits to a number from 0 to n-1.
func scale(random, n uint32) uint32 {
	return uint32(uint64(random) * uint64(n) >> 32)
}

// ranks draws ranks from 0 to n-1 in proportion to their weights in constant time
// (Vose's alias method). It uses integers only, so that every processor
// architecture draws the same.
type ranks struct {
	cells []rankCell
}

type rankCell struct {
	keep  uint32 // the share of 1<<32 in which the cell's own rank is drawn
	alias uint32 // else this one
}

// zipfRanks returns n ranks where rank k is drawn in proportion to 1/(k+1), which
// is Zipf's law. n is at least 1.
func zipfRanks(n int) ranks {
	weights := make([]uint64, n)
	for k := range weights {
		weights[k] = zipfWeight(k)
	}
	return weightedRanks(weights)
}

// zipfWeight returns the weight of rank k, 1/(k+1), in units of 1/2^32.
func zipfWeight(k int) uint64 {
	return (1 << 32) / uint64(k+1)
}

// weightedRanks returns the ranks with these weights. There are at most 1<<24
// weights of at most 1<<32 each, with a sum above 0.
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

// draw returns a rank for 64 random bits.
func (t ranks) draw(random uint64) uint32 {
	k := scale(uint32(random>>32), uint32(len(t.cells)))
	cell := t.cells[k]
	if uint32(random) <= cell.keep {
		return k
	}
	return cell.alias
}

// spread permutes the ranks below n, so that the most popular product is not
// product 1.
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
