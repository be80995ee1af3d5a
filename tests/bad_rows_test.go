package tests

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
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
	{name: "a price of abc", record: rig.RecordWith("price", "abc"), stage: "mapping", reason: `price "abc" is not a number from 0 on`},
	{name: "a negative price", record: rig.RecordWith("price", "-1"), stage: "mapping", reason: `price "-1" is not a number from 0 on`},
	{name: "a price beyond the column", record: rig.RecordWith("price", "98765432109876"), stage: "database", reason: `"price"`},
	{name: "an infinite price", record: rig.RecordWith("price", "inf"), stage: "database", reason: `"price"`},
	{name: "a price that is no number to a computer", record: rig.RecordWith("price", "NaN"), stage: "mapping", reason: `price "NaN" is not a number from 0 on`},
	{name: "a price with a comma", record: rig.RecordWith("price", `"12,50"`), stage: "mapping", reason: `price "12,50" is not a number`},
	{name: "a timestamp of yesterday", record: rig.RecordWith("timestamp", "yesterday"), stage: "mapping", reason: `timestamp "yesterday" is not a time`},
	{name: "no timestamp", record: rig.RecordWith("timestamp", ""), stage: "mapping", reason: `timestamp "" is not a time`},
	{name: "a day that no calendar has", record: rig.RecordWith("timestamp", "2026-02-30 00:00:00"), stage: "mapping", reason: `timestamp "2026-02-30 00:00:00" is not a time`},
	{name: "no event type", record: rig.RecordWith("event_type", "  "), stage: "mapping", reason: "event_type is empty"},
	{name: "half an item", record: rig.RecordWith("quantity", "1.5"), stage: "database", reason: `"quantity"`},
	{name: "more items than the column holds", record: rig.RecordWith("quantity", "3000000000"), stage: "database", reason: `"quantity"`},
	{name: "an event id that is no uuid", record: rig.RecordWith("event_id", "not-a-uuid"), stage: "database", reason: `"event_id"`},
	{name: "no event id", record: rig.RecordWith("event_id", ""), stage: "database", reason: `"event_id"`},
	{name: "a user in words", record: rig.RecordWith("user_id", "guest"), stage: "database", reason: `"user_id"`},
	{name: "a user beyond a bigint", record: rig.RecordWith("user_id", "99999999999999999999"), stage: "database", reason: `"user_id"`},
	{name: "a session that is no uuid", record: rig.RecordWith("session_id", "session-17"), stage: "database", reason: `"session_id"`},
	{name: "a product in words", record: rig.RecordWith("product_id", "SKU-4711"), stage: "database", reason: `"product_id"`},
	{name: "a NUL byte", record: rig.RecordWith("product_name", "Broken\x00Name"), stage: "database", reason: `"product_name"`, raw: rig.RecordWith("product_name", `Broken\x00Name`)},
	{name: "invalid UTF-8", record: rig.RecordWith("product_name", "Caf\xe9 \xff"), stage: "parse", reason: "invalid UTF-8", raw: rig.RecordWith("product_name", `Caf\xe9 \xff`)},
	{name: "a cell too few", record: rig.EventID(2) + ",1,,view", stage: "parse", reason: "4 fields"},
	{name: "a cell too many", record: rig.RecordWith("timestamp", "2026-01-02T03:04:05Z,what"), stage: "parse", reason: "11 fields"},
	{name: "a quote inside a bare cell", record: rig.RecordWith("product_name", `big "lamp"`), stage: "parse", reason: "quote"},
	{name: "a quote that something follows", record: rig.RecordWith("product_name", `"big" lamp`), stage: "parse", reason: "quote"},
}

func TestOnlyBadRowsAreRejectedWithTheirReasons(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	path := func(name string) string {
		return filepath.Join(s.EventsDir, strings.ReplaceAll(name, " ", "-")+".csv")
	}
	for i, bad := range badRows {
		first, last := 100+2*i, 101+2*i
		s.DropFile(filepath.Base(path(bad.name)), strings.Join([]string{rig.Header, rig.Record(first), bad.record, rig.Record(last), ""}, "\n"))
	}
	p := s.Pipeline()
	s.DB.AwaitStored(2 * len(badRows))
	s.DB.AwaitRejected(len(badRows))
	for i, bad := range badRows {
		t.Run(bad.name, func(t *testing.T) {
			s.DB.Require("2", "SELECT count(*) FROM user_events WHERE event_id IN ($1::uuid, $2::uuid)", rig.EventID(100+2*i), rig.EventID(101+2*i))
			rejected := s.DB.Rejected(path(bad.name))
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
	p.Terminate()
	p = s.Pipeline()
	s.DropFile("more.csv", rig.CSVFile(1000, 1010))
	s.DB.AwaitStored(2*len(badRows) + 10)
	p.Terminate()
	s.DB.AwaitRejected(len(badRows))
}

func TestAHundredBadRowsCostAHundredRows(t *testing.T) {
	t.Parallel()
	const rows = 10_000
	var b strings.Builder
	b.WriteString(rig.Header + "\n")
	for n := range rows {
		text := rig.Record(n)
		switch {
		case n%300 == 7:
			text = strings.Replace(text, "12.50", "abc", 1) // the mapping refuses it
		case n%300 == 107:
			text = strings.Replace(text, rig.EventID(n), "nothing", 1) // the database does
		case n%300 == 207:
			text += ",more" // the reader does
		}
		b.WriteString(text + "\n")
	}
	s := rig.NewSite(t)
	s.DropFile("a.csv", b.String())
	p := s.Pipeline()
	s.DB.AwaitRejected(100)
	s.DB.AwaitStored(rows - 100)
	s.DB.Require("34", "SELECT count(*) FROM rejected_events WHERE stage = 'mapping'")
	s.DB.Require("33", "SELECT count(*) FROM rejected_events WHERE stage = 'database'")
	s.DB.Require("33", "SELECT count(*) FROM rejected_events WHERE stage = 'parse'")
	for _, r := range s.DB.Rejected(filepath.Join(s.EventsDir, "a.csv")) {
		require.EqualValues(t, 7, (r.Row-1)%100, "%+v", r)
	}
	p.Terminate()
}

func TestAFileOfBadRowsOnlyIsFinished(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.DropFile("a.csv", rig.Header+"\n"+strings.Repeat(rig.RecordWith("price", "abc")+"\n", 500)+strings.Repeat(rig.RecordWith("user_id", "guest")+"\n", 500))
	s.DropFile("b.csv", rig.CSVFile(10, 20))
	p := s.Pipeline()
	s.DB.AwaitRejected(1000)
	s.DB.AwaitStored(10)
	p.Terminate()
}

//promise:once-by-key
func TestEventsThatComeTwiceAreStoredOnce(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.DropFile("a.csv", rig.CSVFile(0, 100)+rig.Records(50, 100)) // within a file
	s.DropFile("b.csv", rig.CSVFile(0, 150))                      // and in another
	p := s.Pipeline()
	rig.Await(t, "both files to be read", func() error { return p.HasRead(300) })
	s.DB.AwaitStored(150)
	p.Terminate()
	s.DB.Require("150", "SELECT count(*) FROM user_events")
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	require.Empty(t, p.Complaints())
}
