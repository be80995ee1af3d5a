package tests

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// badRows are records that cannot be stored. Each is tested between two good records
// in a file of its own.
var badRows = []struct {
	name   string
	record string // as it stands in the file
	stage  string
	reason string // must contain this
	raw    string // as it is shown afterwards; "" when just as it came
}{
	{name: "a price of abc", record: with("price", "abc"), stage: "mapping", reason: `price "abc" is not a number from 0 on`},
	{name: "a negative price", record: with("price", "-1"), stage: "mapping", reason: `price "-1" is not a number from 0 on`},
	{name: "a price beyond the column", record: with("price", "98765432109876"), stage: "database", reason: `"price"`},
	{name: "an infinite price", record: with("price", "inf"), stage: "database", reason: `"price"`},
	{name: "a price that is no number to a computer", record: with("price", "NaN"), stage: "mapping", reason: `price "NaN" is not a number from 0 on`},
	{name: "a price with a comma", record: with("price", `"12,50"`), stage: "mapping", reason: `price "12,50" is not a number`},
	{name: "a timestamp of yesterday", record: with("timestamp", "yesterday"), stage: "mapping", reason: `timestamp "yesterday" is not a time`},
	{name: "no timestamp", record: with("timestamp", ""), stage: "mapping", reason: `timestamp "" is not a time`},
	{name: "a day that no calendar has", record: with("timestamp", "2026-02-30 00:00:00"), stage: "mapping", reason: `timestamp "2026-02-30 00:00:00" is not a time`},
	{name: "no event type", record: with("event_type", "  "), stage: "mapping", reason: "event_type is empty"},
	{name: "half an item", record: with("quantity", "1.5"), stage: "database", reason: `"quantity"`},
	{name: "more items than the column holds", record: with("quantity", "3000000000"), stage: "database", reason: `"quantity"`},
	{name: "an event id that is no uuid", record: with("event_id", "not-a-uuid"), stage: "database", reason: `"event_id"`},
	{name: "no event id", record: with("event_id", ""), stage: "database", reason: `"event_id"`},
	{name: "a user in words", record: with("user_id", "guest"), stage: "database", reason: `"user_id"`},
	{name: "a user beyond a bigint", record: with("user_id", "99999999999999999999"), stage: "database", reason: `"user_id"`},
	{name: "a session that is no uuid", record: with("session_id", "session-17"), stage: "database", reason: `"session_id"`},
	{name: "a product in words", record: with("product_id", "SKU-4711"), stage: "database", reason: `"product_id"`},
	{name: "a NUL byte", record: with("product_name", "Broken\x00Name"), stage: "database", reason: `"product_name"`, raw: with("product_name", `Broken\x00Name`)},
	{name: "invalid UTF-8", record: with("product_name", "Caf\xe9 \xff"), stage: "parse", reason: "invalid UTF-8", raw: with("product_name", `Caf\xe9 \xff`)},
	{name: "a cell too few", record: eventID(2) + ",1,,view", stage: "parse", reason: "4 fields"},
	{name: "a cell too many", record: with("timestamp", "2026-01-02T03:04:05Z,what"), stage: "parse", reason: "11 fields"},
	{name: "a quote inside a bare cell", record: with("product_name", `big "lamp"`), stage: "parse", reason: "quote"},
	{name: "a quote that something follows", record: with("product_name", `"big" lamp`), stage: "parse", reason: "quote"},
}

// with is a clean record but for one cell.
func with(column, cell string) string {
	cells := strings.Split(eventID(2)+",2,,view,7,lamp,home,12.50,1,2026-01-02T03:04:05Z", ",")
	for i, name := range strings.Split(header, ",") {
		if name == column {
			cells[i] = cell
		}
	}
	return strings.Join(cells, ",")
}

func TestOnlyBadRowsAreRejectedWithTheirReasons(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := func(name string) string {
		return filepath.Join(s.events, strings.ReplaceAll(name, " ", "-")+".csv")
	}
	for i, bad := range badRows {
		first, last := 100+2*i, 101+2*i
		s.dropFile(filepath.Base(path(bad.name)), strings.Join([]string{header, record(first), bad.record, record(last), ""}, "\n"))
	}
	p := s.pipeline()
	s.db.awaitStored(2 * len(badRows))
	s.db.awaitRejected(len(badRows))
	for i, bad := range badRows {
		t.Run(bad.name, func(t *testing.T) {
			s.db.require("2", "SELECT count(*) FROM user_events WHERE event_id IN ($1::uuid, $2::uuid)", eventID(100+2*i), eventID(101+2*i))
			rejected := s.db.rejected(path(bad.name))
			require.Len(t, rejected, 1)
			got := rejected[0]
			require.Contains(t, got.Reason, bad.reason)
			require.Equal(t, bad.stage, got.Stage)
			require.EqualValues(t, 2, got.Row)
			if bad.raw == "" {
				bad.raw = bad.record
			}
			require.Equal(t, bad.raw, got.Raw)
		})
	}

	// A rejected row is done: a restart neither retries nor rejects it again.
	p.terminate()
	p = s.pipeline()
	s.dropFile("more.csv", csvFile(1000, 1010))
	s.db.awaitStored(2*len(badRows) + 10)
	p.terminate()
	s.db.awaitRejected(len(badRows))
}

func TestAHundredBadRowsCostAHundredRows(t *testing.T) {
	t.Parallel()
	const rows = 10_000
	var b strings.Builder
	b.WriteString(header + "\n")
	for n := range rows {
		text := record(n)
		switch {
		case n%300 == 7:
			text = strings.Replace(text, "12.50", "abc", 1) // the mapping refuses it
		case n%300 == 107:
			text = strings.Replace(text, eventID(n), "nothing", 1) // the database does
		case n%300 == 207:
			text += ",more" // the reader does
		}
		b.WriteString(text + "\n")
	}
	s := newSite(t)
	s.dropFile("a.csv", b.String())
	p := s.pipeline()
	s.db.awaitRejected(100)
	s.db.awaitStored(rows - 100)
	s.db.require("34", "SELECT count(*) FROM rejected_events WHERE stage = 'mapping'")
	s.db.require("33", "SELECT count(*) FROM rejected_events WHERE stage = 'database'")
	s.db.require("33", "SELECT count(*) FROM rejected_events WHERE stage = 'parse'")
	for _, r := range s.db.rejected(filepath.Join(s.events, "a.csv")) {
		require.EqualValues(t, 7, (r.Row-1)%100, "%+v", r)
	}
	p.terminate()
}

func TestAFileOfBadRowsOnlyIsFinished(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dropFile("a.csv", header+"\n"+strings.Repeat(with("price", "abc")+"\n", 500)+strings.Repeat(with("user_id", "guest")+"\n", 500))
	s.dropFile("b.csv", csvFile(10, 20))
	p := s.pipeline()
	s.db.awaitRejected(1000)
	s.db.awaitStored(10)
	p.terminate()
}

//promise:once-by-key
func TestEventsThatComeTwiceAreStoredOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dropFile("a.csv", csvFile(0, 100)+records(50, 100)) // within a file
	s.dropFile("b.csv", csvFile(0, 150))                  // and in another
	p := s.pipeline()
	await(t, "both files to be read", func() error { return p.hasRead(300) })
	s.db.awaitStored(150)
	p.terminate()
	s.db.require("150", "SELECT count(*) FROM user_events")
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	require.Empty(t, p.complaints())
}
