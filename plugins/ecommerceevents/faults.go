package ecommerceevents

import "github.com/redpanda-data/benthos/v4/public/service"

// The kinds of fault, as the metadata `fault` names them.
const (
	faultMalformed = "malformed"
	faultDuplicate = "duplicate"
	faultLate      = "late"
)

const (
	metaNumber      = "event_number"
	metaFault       = "fault"
	metaFaultColumn = "fault_column"
)

// faultRates are the shares of faulty messages, from 0 to 1 each and in total.
type faultRates struct {
	malformed, duplicates, late float64
}

// damage is one way in which a record is malformed.
type damage struct {
	column string
	value  any // string
}

// damages are the values of malformed records. None fits user_events, so a
// pipeline must reject each.
var damages = [...]damage{
	{columnPrice, "abc"},
	{columnPrice, "-5.00"},
	{columnPrice, "12,50 EUR"},
	{columnPrice, "98765432109876.00"},
	{columnTimestamp, "yesterday"},
	{columnTimestamp, "2024-13-45 25:61:00"},
	{columnTimestamp, ""},
	{columnUserID, ""},
	{columnUserID, "guest"},
	{columnUserID, "99999999999999999999"},
	{columnEventID, ""},
	{columnEventID, "not-a-uuid"},
	{columnEventID, "0190c6a1-7b1e-7cc8-8f0e"},
	{columnSessionID, "session-17"},
	{columnProductID, "SKU-4711"},
	{columnQuantity, "two"},
	{columnQuantity, "1.5"},
	{columnProductName, "Broken\x00Name"},
	{columnProductName, "Caf\xe9 \xff\xfe"},
	{columnCategory, "home\x00decor"},
}

// The range of milliseconds by which late events lie in the past: one hour to
// three days.
const (
	lateAtLeast = 60 * 60 * 1000
	lateAtMost  = 3 * 24 * 60 * 60 * 1000
)

// faults decides which messages are faulty, and how.
type faults struct {
	random          *random
	on              bool
	malformed       uint32 // cumulative shares of 1<<32, like the next two
	duplicate, late uint32
	keepsHistory    bool
	history         []row // good events, from which duplicates are taken
	historyPos      int
}

// historySize is how many earlier events a duplicate is picked from.
const historySize = 1024

func newFaults(r *random, rates faultRates) *faults {
	share := func(sum float64) uint32 { return uint32(min(sum*(1<<32), 1<<32-1)) }
	return &faults{
		random:       r,
		on:           rates.malformed+rates.duplicates+rates.late > 0,
		malformed:    share(rates.malformed),
		duplicate:    share(rates.malformed + rates.duplicates),
		late:         share(rates.malformed + rates.duplicates + rates.late),
		keepsHistory: rates.duplicates > 0,
	}
}

// draw returns the fault of the next message, "" for none.
func (f *faults) draw() string {
	share := uint32(f.random.Uint64() >> 32)
	switch {
	case share < f.malformed:
		return faultMalformed
	case share < f.duplicate && len(f.history) > 0:
		return faultDuplicate
	case share < f.duplicate:
		return "" // there is nothing to repeat yet
	case share < f.late:
		return faultLate
	}
	return ""
}

// remember keeps a good event for a later duplicate.
func (f *faults) remember(r row) {
	if len(f.history) < historySize {
		f.history = append(f.history, r)
		return
	}
	f.history[f.historyPos] = r
	f.historyPos = (f.historyPos + 1) % historySize
}

func (f *faults) earlier() row {
	return f.history[f.random.below(uint32(len(f.history)))]
}

func (f *faults) lateness() int64 {
	return lateAtLeast + int64(f.random.below(lateAtMost-lateAtLeast))
}

func (f *faults) damage() *damage {
	return &damages[f.random.below(uint32(len(damages)))]
}

// setFaultMetadata names the row's fault in the message's metadata.
func setFaultMetadata(msg *service.Message, r *row) {
	msg.MetaSetMut(metaFault, r.fault)
	if r.damage != nil {
		msg.MetaSetMut(metaFaultColumn, r.damage.column)
	}
}
