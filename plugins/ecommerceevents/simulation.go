package ecommerceevents

import (
	"strings"
	"time"
)

// settings are the parameters of a simulation.
type settings struct {
	seed            int64     // not 0
	start           time.Time // zero: use the real clock
	meanGap         time.Duration
	users, products int
	weights         [kinds]float64
	faults          faultRates
}

// simulation generates the rows of events. It is not safe for concurrent use.
type simulation struct {
	random *random
	ids    *identifiers
	shop   *shop
	faults *faults
	stamps stamper
	goods  *catalogue

	now     func() time.Time // nil: the clock is simulated
	nanos   int64
	gap     uint32 // mean simulated time between events, in units of gapUnit
	gapUnit int64  // nanoseconds

	number int64 // of the last row

	text []byte
	ends []int // the end of each cell in text, event_id and timestamp in turn
}

func newSimulation(s settings, now func() time.Time) *simulation {
	r := newRandom(uint64(s.seed))
	ids := &identifiers{random: r}
	goods := newCatalogue(s.seed, s.products)
	sim := &simulation{
		random: r,
		ids:    ids,
		shop:   newShop(r, ids, goods, s.users, s.weights, float64(s.meanGap)/1e6),
		faults: newFaults(r, s.faults),
		goods:  goods,
		now:    now,
	}
	if !s.start.IsZero() {
		sim.now = nil
		sim.nanos = s.start.UnixNano()
		sim.gap, sim.gapUnit = gapUnits(s.meanGap)
	}
	return sim
}

// gapUnits expresses a mean gap in a unit in which twice the gap fits 32 bits.
func gapUnits(mean time.Duration) (gap uint32, unit int64) {
	unit = 1
	for int64(mean)/unit > 1<<30 {
		unit *= 1000
	}
	return uint32(int64(mean) / unit), unit
}

// chunkRows is how many rows share one string. It is small because a single cell
// that is still in use keeps the whole string in memory.
const chunkRows = 256

// append appends n new rows.
func (s *simulation) append(rows []row, n int) []row {
	for n > 0 {
		k := min(n, chunkRows)
		rows = s.appendChunk(rows, k)
		n -= k
	}
	return rows
}

func (s *simulation) appendChunk(rows []row, n int) []row {
	first := len(rows)
	s.text, s.ends = s.text[:0], s.ends[:0]
	if s.now != nil {
		s.nanos = s.now().UnixNano()
	}
	for range n {
		rows = append(rows, s.row())
	}
	text := string(s.text)
	begin, cell := 0, 0
	for i := first; i < len(rows); i++ {
		r := &rows[i]
		s.number++
		r.number = s.number
		if r.fault == faultDuplicate {
			continue
		}
		r.eventID = text[begin:s.ends[cell]]
		r.timestamp = text[s.ends[cell]:s.ends[cell+1]]
		begin = s.ends[cell+1]
		cell += 2
		if s.faults.keepsHistory && r.fault == "" {
			s.faults.remember(r.detached())
		}
	}
	return rows
}

// row generates a row except for its event_id and timestamp, which it appends to
// s.text.
func (s *simulation) row() row {
	var fault string
	if s.faults.on {
		if fault = s.faults.draw(); fault == faultDuplicate {
			r := s.faults.earlier()
			r.fault = fault
			return r
		}
	}
	if s.now == nil && s.nanos < latestStart.UnixNano() {
		s.nanos += int64(s.random.below(2*s.gap+1)) * s.gapUnit
	}
	millis := floorDiv(s.nanos, 1e6)
	a := s.shop.next(millis)
	r := row{action: a, fault: fault}
	s.text = s.ids.appendNext(s.text, millis)
	s.ends = append(s.ends, len(s.text))

	style := s.random.Uint64()
	r.spelling = uint8(style & 3)
	switch fault {
	case faultLate:
		millis -= s.faults.lateness()
	case faultMalformed:
		r.damage = s.faults.damage()
	}
	s.text = s.stamps.append(s.text, millis, int(scale(uint32(style>>32), stampStyles)))
	s.ends = append(s.ends, len(s.text))
	r.of = &s.goods.products[a.product]
	return r
}

// detached returns a copy of the row that does not share the strings of its chunk.
func (r row) detached() row {
	r.eventID, r.timestamp = strings.Clone(r.eventID), strings.Clone(r.timestamp)
	return r
}
