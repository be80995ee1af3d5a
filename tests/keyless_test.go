package tests

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// spoilt returns a file of rows of which every hundredth has an invalid price.
func spoilt(from, to int) string {
	lines := strings.SplitAfter(rig.CSVFile(from, to), "\n")
	for i := 100; i < len(lines); i += 100 {
		lines[i] = strings.Replace(lines[i], ",12.50,", ",abc,", 1)
	}
	return strings.Join(lines, "")
}

//promise:once-by-ledger
func TestWithoutAKeyAKilledPipelineStoresEverythingOnce(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	s := rig.NewSite(t)
	s.DB.Exec(s.Schema("001_user_events.sql") + s.Schema("002_rejected_events.sql") + s.Schema("005_event_log.sql"))
	s.DropFile("a.csv", spoilt(0, 9_900))
	s.DropFile("b.csv", spoilt(9_900, 19_800))
	for round := range 4 {
		p := s.KeylessPipeline()
		rig.Await(t, "rows that this pipeline has read", func() error { return p.HasRead(1) })
		s.DB.Await("true", "SELECT count(*) >= $1::bigint FROM event_log", 1+round*rows/5)
		p.Kill()
	}
	// The last one has something to do, too: before it has begun to, it would not end in good order.
	s.DropFile("c.csv", spoilt(19_800, rows))
	p := s.KeylessPipeline()
	bad := fmt.Sprint(rows / 100)
	s.DB.Await(fmt.Sprint(rows-rows/100), "SELECT count(*) FROM event_log")
	s.DB.Await(bad, "SELECT count(*) FROM rejected_events")
	p.Terminate()
	s.DB.Require(fmt.Sprint(rows-rows/100), "SELECT count(DISTINCT event_id) FROM event_log")
	s.DB.Require(fmt.Sprint(rows-rows/100), "SELECT count(*) FROM event_log")
	s.DB.Require(bad, "SELECT count(DISTINCT (path, row_number)) FROM rejected_events WHERE stage = 'mapping'")
	s.DB.Require(bad, "SELECT count(*) FROM rejected_events")
	s.DB.Require(fmt.Sprint(rows), `SELECT sum(upper(r) - lower(r)) FROM (
		SELECT channel, range_agg(o) AS done FROM postgres_copy_ledger, unnest(offsets) o GROUP BY channel
	) c, unnest(done) r`)
	s.DB.Require("3", "SELECT count(DISTINCT channel) FROM postgres_copy_ledger")
	require.FileExists(t, filepath.Join(s.EventsDir, "a.csv"))
}

//promise:header
func TestWithoutAKeyACorrectedFileIsRead(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.DropFile("typo.csv", strings.Replace(rig.CSVFile(0, 10), "price", "prize", 1))
	for range 2 {
		p := s.KeylessPipeline()
		s.DB.AwaitRejected(1)
		p.AwaitLine(`typo.csv cannot be read: .*it lacks \\"price\\"`)
		p.Terminate()
	}
	requireRefused(s, "typo.csv", `it lacks "price"; has "prize" besides`)
	s.DB.Require("0", "SELECT count(*) FROM event_log")
	p := s.KeylessPipeline()
	s.DropFile("typo.csv", rig.CSVFile(0, 10))
	s.DB.Await("10", "SELECT count(*) FROM event_log")
	p.Terminate()
	s.DB.AwaitRejected(1)
}
