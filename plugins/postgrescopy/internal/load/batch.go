package load

import (
	"slices"
	"sync"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/ledger"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// Batch is one batch of messages on its way into the database. One goroutine
// uses it at a time.
type Batch struct {
	// Encoding is the time spent on mapping and encoding rows, in all attempts.
	Encoding time.Duration

	Values []copyrows.Values // by message
	// Map calls use with the values of a message whose Values have none, when its row is encoded; they are valid until use
	// returns. Nil: the Values are all there is.
	Map    func(message int, use func(copyrows.Values))
	Tables []*TableRows // in the order in which they are written

	// Rejected are the messages that cannot be stored, and why. What was found
	// while encoding stands; what the server said stands once the rest has been
	// committed.
	Rejected map[int]pgerr.Rejection
	// RejectRow returns the values of the row to store for a rejected message, if
	// there is a table for them. Fields that it has no column for are left out.
	RejectRow    func(message int, r pgerr.Rejection) copyrows.Values
	rejectsTable *table.Table
	dryRun       bool // its transaction is rolled back

	Offsets *ledger.Offsets // nil without exactly_once
	Repeats map[int]int     // messages whose offset that of an earlier one repeats
	done    map[int]bool    // messages whose offset the ledger holds

	readLedger bool  // the ledger is to be read before anything more is sent
	reloaded   bool  // the tables were read again on suspicion
	isolating  bool  // bad rows are to be found one by one
	byHere     bool  // without the server's driver
	suspects   bool  // a temporary error that a function raises may be its row's fault
	named      int   // rows rejected because the server named their line
	byServer   []int // the messages rejected for what the server said

	Result Result
}

// TableRows are the rows of a batch that go to one table.
type TableRows struct {
	Name     string
	Messages []int // nil: all of the batch
	table    *table.Table
	rows     *copyrows.Rows // nil: to be encoded
	strategy table.CopyStrategy
	filtered int // messages that have no row
}

// Result is what became of a batch, for the metrics.
type Result struct {
	Written    int // rows that the table has taken
	Duplicates int // rows that it had already, or that a later one replaced
	Skipped    int // rows that the ledger had already
	Filtered   int // messages that the mapping left out
	Bytes      int // of rows sent in the attempt that succeeded
}

var batchPool = sync.Pool{New: func() any { return &Batch{Rejected: map[int]pgerr.Rejection{}} }}

// maxPooledMessages bounds what the pool keeps of a batch that was unusually
// large.
const maxPooledMessages = 1 << 17

// NewBatch takes a batch of so many messages from a pool. Give it back with
// Release.
func NewBatch(messages int) *Batch {
	b := batchPool.Get().(*Batch)
	b.Values = slices.Grow(b.Values, messages)[:messages]
	return b
}

// Release returns the batch and its buffers to the pool.
func (b *Batch) Release() {
	for _, t := range b.Tables {
		if t.rows != nil {
			t.rows.Release()
		}
	}
	if cap(b.Values) > maxPooledMessages {
		return
	}
	clear(b.Values)
	clear(b.Rejected)
	*b = Batch{Values: b.Values[:0], Rejected: b.Rejected}
	batchPool.Put(b)
}

// withValues calls use with what the row of a message is encoded from, which is valid until use returns.
func (b *Batch) withValues(message int, use func(copyrows.Values)) {
	if b.Map == nil || b.Values[message].Err != nil {
		use(b.Values[message])
		return
	}
	b.Map(message, use)
}

// filtered returns how many messages the mapping left out.
func (b *Batch) filtered() int {
	n := 0
	for _, t := range b.Tables {
		n += t.filtered
	}
	return n
}

// leftOut reports whether a message is not, or no longer, to be sent.
func (b *Batch) leftOut(message int) bool {
	if len(b.Rejected) > 0 {
		if _, ok := b.Rejected[message]; ok {
			return true
		}
	}
	if len(b.done) > 0 && b.done[message] {
		return true
	}
	if len(b.Repeats) > 0 {
		_, ok := b.Repeats[message]
		return ok
	}
	return false
}

// rejectByServer rejects a message for what the server said of its row.
func (b *Batch) rejectByServer(message int, r pgerr.Rejection) {
	b.Rejected[message] = r
	b.byServer = append(b.byServer, message)
}

// resetServerRejections takes back what the server said of rows, to be found out
// anew.
func (b *Batch) resetServerRejections() {
	for _, message := range b.byServer {
		delete(b.Rejected, message)
	}
	b.byServer = nil
}

// group is rows that one statement writes, and whether they are to be staged.
type group struct {
	copyrows.Group
	of     *TableRows
	staged bool
}

// groups puts all rows that are to be sent into groups, table by table.
func (b *Batch) groups(every bool) (groups []group, leftOut int) {
	for _, t := range b.Tables {
		if t.rows == nil {
			continue // its messages are rejected
		}
		found, repeated := t.rows.Groups(b.leftOut, every)
		leftOut += repeated
		for _, g := range found {
			groups = append(groups, group{g, t, g.Set.StagedOnly || g.Repeats})
		}
	}
	return groups, leftOut
}

// noTable is the scope of messages whose table is not known. No table has
// this name, since those of tables are quoted.
const noTable = "no table"

// scopes are what rows of the batch's tables are done for in the ledger, and
// behind them that of messages whose table is not known.
func (b *Batch) scopes(l *ledger.Ledger) []string {
	scopes := make([]string, len(b.Tables)+1)
	scopes[len(b.Tables)] = l.Scope(noTable)
	for i, t := range b.Tables {
		name := t.Name
		if t.table != nil {
			name = t.table.Quoted
		}
		scopes[i] = l.Scope(name)
	}
	return scopes
}

// mark is the statement that enters the offsets which are done once the
// transaction commits, empty if there are none.
func (b *Batch) mark(l *ledger.Ledger) string {
	if l == nil {
		return ""
	}
	return l.MarkStatement(b.Offsets.Marked(b.scopes(l), func(message int) bool {
		if _, rejected := b.Rejected[message]; rejected && b.rejectsTable == nil {
			return false
		}
		_, repeats := b.Repeats[message]
		return !repeats && !b.done[message]
	}))
}
