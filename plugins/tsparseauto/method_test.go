package tsparseauto

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/stretchr/testify/require"
)

func TestTheMethodReadsAColumn(t *testing.T) {
	t.Parallel()
	exec, err := bloblang.Parse(`root = this.ts_parse_auto(tz: "Asia/Tokyo").ts_unix()`)
	require.NoError(t, err)
	got, err := exec.Query("2026-01-02 12:04:05")
	require.NoError(t, err)
	require.EqualValues(t, 1767323045, got)

	_, err = exec.Query("soon")
	require.EqualError(t, err, `failed assignment (line 1): timestamp "soon" is not a time`)
}

func BenchmarkMethod(b *testing.B) {
	for _, value := range []any{
		"2026-01-02T03:04:05.123Z", "2026-01-02T05:04:05.123+02:00", "2026-01-02 03:04:05", "1767323045123", json.Number("1767323045"),
	} {
		b.Run(fmt.Sprint(value), func(b *testing.B) {
			b.ReportAllocs()
			method := newTestMethod(b, "UTC")
			for b.Loop() {
				if _, err := method(value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("2026-01-02 03:04:05 in Berlin", func(b *testing.B) {
		b.ReportAllocs()
		method := newTestMethod(b, "Europe/Berlin")
		for b.Loop() {
			if _, err := method("2026-01-02 03:04:05"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func newTestMethod(tb testing.TB, zone string) bloblang.Method {
	tb.Helper()
	loc, err := time.LoadLocation(zone)
	require.NoError(tb, err)
	return inZone(loc)
}
