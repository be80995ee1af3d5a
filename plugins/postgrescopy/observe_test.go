package postgrescopy

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

func TestPartitionsReachAsFarAsTheyJoin(t *testing.T) {
	t.Parallel()
	db := newTestDB(t)
	o := db.connectedToNothing()
	today := time.Now().UTC().Truncate(24 * time.Hour)
	day := func(n int) string { return "'" + today.AddDate(0, 0, n).Format(time.DateOnly) + "'" }
	const none = -1000
	for i, c := range []struct {
		name   string
		by     string
		bounds []string // FROM and TO by turns
		until  int      // days from today; none: not a table of this kind; 0: nothing is ahead
	}{
		{"joined days", "RANGE (at)", []string{day(-1), day(0), day(0), day(1), day(1), day(2), day(2), day(3)}, 3},
		{"a gap", "RANGE (at)", []string{day(0), day(1), day(2), day(3)}, 1},
		{"the past only", "RANGE (at)", []string{day(-2), day(-1)}, 0},
		{"only a default partition", "RANGE (at)", nil, 0},
		{"a column of dates", "RANGE (d)", []string{day(-1), day(5)}, 5},
		{"no beginning", "RANGE (at)", []string{"MINVALUE", day(4)}, 4},
		{"by an integer", "RANGE (n)", []string{"1", "9"}, none},
		{"by two columns", "RANGE (at, n)", nil, none},
		{"by a list", "LIST (n)", nil, none},
		{"not partitioned", "", nil, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprintf("p%d", i)
			partition := ""
			if c.by != "" {
				partition = " PARTITION BY " + c.by
			}
			db.exec("SET TimeZone = 'UTC'; CREATE TABLE " + name + " (at timestamptz, d date, n int)" + partition)
			for j := 0; j < len(c.bounds); j += 2 {
				db.exec(fmt.Sprintf("CREATE TABLE %s_%d PARTITION OF %s FOR VALUES FROM (%s) TO (%s)", name, j, name, c.bounds[j], c.bounds[j+1]))
			}
			if c.by != "" {
				db.exec(fmt.Sprintf("CREATE TABLE %s_default PARTITION OF %s DEFAULT", name, name))
			}
			until, found, err := table.PartitionsUntil(t.Context(), o.current().Pool, name)
			require.NoError(t, err)
			assert.Equal(t, c.until != none, found)
			switch c.until {
			case none:
			case 0:
				assert.WithinDuration(t, time.Now(), until, time.Minute)
			default:
				assert.WithinDuration(t, today.AddDate(0, 0, c.until), until, 24*time.Hour-time.Second) // dates are in the session's time zone
			}
		})
	}
	db.exec("CREATE TABLE endless (at timestamptz) PARTITION BY RANGE (at); CREATE TABLE endless_1 PARTITION OF endless FOR VALUES FROM ('2020-01-01') TO (MAXVALUE)")
	until, found, err := table.PartitionsUntil(t.Context(), o.current().Pool, "endless")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, 9999, until.UTC().Year())
}

// connectedToNothing is connected to a table that the test does not use.
func (db *testDB) connectedToNothing() *testOutput {
	db.exec("CREATE TABLE unused (id int)")
	return db.connected("table: unused")
}

func TestAnIdleOutputNoticesAnOutage(t *testing.T) {
	t.Parallel()
	server := postgrestest.NewServer(t, map[string]string{"fsync": "off"})
	dsn, _, err := server.CreateDatabase(t.Context())
	require.NoError(t, err)
	db := openTestDB(t, dsn, "CREATE TABLE v (id int)")
	o := db.connected("table: v")
	require.NoError(t, server.StopNow(t.Context()))
	require.Eventually(t, func() bool { return !o.board.Snapshot(false).Outputs[0].Up }, patient, 20*time.Millisecond)
	assert.NotEmpty(t, o.board.Snapshot(false).Outputs[0].Problem)
	require.NoError(t, server.Restart(t.Context()))
	require.Eventually(t, func() bool { return o.board.Snapshot(false).Outputs[0].Up }, patient, 20*time.Millisecond)
}
