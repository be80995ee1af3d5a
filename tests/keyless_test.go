package tests

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// keyless starts config/keyless.yaml.
func (s *site) keyless(env ...string) *program {
	s.t.Helper()
	return s.launch("pipeline", []string{"run", filepath.Join(s.config, "keyless.yaml")}, env)
}

// spoilt returns a file of rows of which every hundredth has an invalid price.
func spoilt(from, to int) string {
	lines := strings.SplitAfter(csvFile(from, to), "\n")
	for i := 100; i < len(lines); i += 100 {
		lines[i] = strings.Replace(lines[i], ",12.50,", ",abc,", 1)
	}
	return strings.Join(lines, "")
}

//promise:once-by-ledger
func TestWithoutAKeyAKilledPipelineStoresEverythingOnce(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	s := newSite(t)
	s.db.exec(s.schema("001_user_events.sql") + s.schema("002_rejected_events.sql") + s.schema("005_event_log.sql"))
	s.dropFile("a.csv", spoilt(0, 9_900))
	s.dropFile("b.csv", spoilt(9_900, 19_800))
	for round := range 4 {
		p := s.keyless()
		await(t, "rows that this pipeline has read", func() error { return p.hasRead(1) })
		s.db.await("true", "SELECT count(*) >= $1::bigint FROM event_log", 1+round*rows/5)
		p.kill()
	}
	// The last one has something to do, too: before it has begun to, it would not end in good order.
	s.dropFile("c.csv", spoilt(19_800, rows))
	p := s.keyless()
	bad := fmt.Sprint(rows / 100)
	s.db.await(fmt.Sprint(rows-rows/100), "SELECT count(*) FROM event_log")
	s.db.await(bad, "SELECT count(*) FROM rejected_events")
	p.terminate()
	s.db.require(fmt.Sprint(rows-rows/100), "SELECT count(DISTINCT event_id) FROM event_log")
	s.db.require(fmt.Sprint(rows-rows/100), "SELECT count(*) FROM event_log")
	s.db.require(bad, "SELECT count(DISTINCT (path, row_number)) FROM rejected_events WHERE stage = 'mapping'")
	s.db.require(bad, "SELECT count(*) FROM rejected_events")
	s.db.require(fmt.Sprint(rows), `SELECT sum(upper(r) - lower(r)) FROM (
		SELECT channel, range_agg(o) AS done FROM postgres_copy_ledger, unnest(offsets) o GROUP BY channel
	) c, unnest(done) r`)
	s.db.require("3", "SELECT count(DISTINCT channel) FROM postgres_copy_ledger")
	require.FileExists(t, filepath.Join(s.events, "a.csv"))
}

//promise:header
func TestWithoutAKeyACorrectedFileIsRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dropFile("typo.csv", strings.Replace(csvFile(0, 10), "price", "prize", 1))
	for range 2 {
		p := s.keyless()
		s.db.awaitRejected(1)
		p.awaitLine(`typo.csv cannot be read: .*it lacks \\"price\\"`)
		p.terminate()
	}
	s.requireRefused("typo.csv", `it lacks "price"; has "prize" besides`)
	s.db.require("0", "SELECT count(*) FROM event_log")
	p := s.keyless()
	s.dropFile("typo.csv", csvFile(0, 10))
	s.db.await("10", "SELECT count(*) FROM event_log")
	p.terminate()
	s.db.awaitRejected(1)
}
