// Package progress tracks how far a partition is done when its records are
// acknowledged in any order.
package progress

// maxChannels bounds how many channels a Partition remembers.
const maxChannels = 4096

// Row names a record by what it carries: the number of a row in its channel.
type Row struct {
	Channel string
	Number  int64
}

// Partition is the progress of one partition of a topic while it is assigned to
// this consumer. It is for one goroutine at a time: its owner holds a lock.
type Partition struct {
	position int64 // every offset below is acknowledged
	epoch    int32
	parts    []*Part
	channels map[string]*run
}

// Part is a run of consecutive records that is out for delivery.
type Part struct {
	next  int64 // the offset after its last record
	epoch int32 // the leader epoch of its last record
	rows  []rows
	left  int // records that are not acknowledged
}

// rows are consecutive rows of one channel.
type rows struct {
	channel     string
	first, next int64
}

// run is what is known of a channel: the rows from first up to and without next
// were acknowledged here.
type run struct{ first, next int64 }

// New returns the progress of a partition of which every offset below position
// was acknowledged before.
func New(position int64) *Partition {
	return &Partition{position: position, epoch: -1, channels: map[string]*run{}}
}

// Position returns the offset below which all records are acknowledged, and the
// leader epoch to commit it with, -1 if there is none.
func (p *Partition) Position() (offset int64, epoch int32) { return p.position, p.epoch }

// Out returns how many parts are not acknowledged, or wait for one before them.
func (p *Partition) Out() int { return len(p.parts) }

// Begin adds a part to the end of those that are out.
func (p *Partition) Begin() *Part {
	part := &Part{}
	p.parts = append(p.parts, part)
	return part
}

// Add adds a record to the part. A record that is no row of a channel has an
// empty Row.Channel.
func (part *Part) Add(offset int64, epoch int32, row Row) {
	part.next, part.epoch = offset+1, epoch
	part.left++
	if row.Channel == "" {
		return
	}
	if n := len(part.rows); n > 0 {
		if last := &part.rows[n-1]; last.channel == row.Channel && last.next == row.Number {
			last.next++
			return
		}
	}
	part.rows = append(part.rows, rows{row.Channel, row.Number, row.Number + 1})
}

// Done notes that so many more records of the part are acknowledged and reports
// whether the position has moved.
func (p *Partition) Done(part *Part, records int) (moved bool) {
	part.left -= records
	n := 0
	for n < len(p.parts) && p.parts[n].left <= 0 {
		p.position, p.epoch = max(p.position, p.parts[n].next), p.parts[n].epoch
		for _, r := range p.parts[n].rows {
			p.pass(r)
		}
		p.parts[n] = nil
		n++
	}
	p.parts = p.parts[n:]
	return n > 0
}

// pass adds acknowledged rows to what is known of their channel. Rows that are
// there again change nothing; rows that do not follow begin a new run.
func (p *Partition) pass(r rows) {
	known := p.channels[r.channel]
	switch {
	case known == nil:
		p.makeRoom()
		p.channels[r.channel] = &run{r.first, r.next}
	case r.first > known.next:
		*known = run{r.first, r.next}
	case r.next < known.first:
		*known = run{r.first, r.next} // read again from an earlier row on
	default:
		known.first, known.next = min(known.first, r.first), max(known.next, r.next)
	}
}

// makeRoom forgets some channel when too many are known. All that is lost is the
// LowWatermark of what is still to come of it.
func (p *Partition) makeRoom() {
	if len(p.channels) < maxChannels {
		return
	}
	for channel := range p.channels {
		delete(p.channels, channel)
		return
	}
}

// LowWatermark returns the number below which every row of the channel was
// acknowledged by this consumer while it had this partition. It reports false
// unless that is known from the channel's first row, which has the number 1, on:
// rows before those seen here may be on their way elsewhere.
func (p *Partition) LowWatermark(channel string) (number int64, known bool) {
	r := p.channels[channel]
	if r == nil || r.first > 1 {
		return 0, false
	}
	return r.next, true
}
