package timetext

import (
	"testing"
	"time"
)

// FuzzParse compares with the standard library wherever that reads a text too.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"2026-01-02T03:04:05.678+01:00", "2026-01-02 03:04:05", "1767323045123", "02.01.2026", "2026-1-2 3:04,5 UTC", "", "9999-12-31T23:59:60-15:59"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Parse(s, time.UTC)
		if err != nil && (!got.IsZero() || len(err.Error()) > 600) {
			t.Fatalf("%q: %v, %v", s, got, err)
		}
		if err == nil && (got.Year() < 0 || got.Year() > 10_000) {
			t.Fatalf("%q: %v", s, got)
		}
		for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
			want, wantErr := time.Parse(layout, s)
			if wantErr != nil || want.Year() == 0 {
				continue
			}
			if _, offset := want.Zone(); offset > 15*3600+59*60 || offset < -15*3600-59*60 {
				continue // more than PostgreSQL takes
			}
			if len(s) <= maxBytes && (err != nil || !got.Equal(want)) {
				t.Fatalf("%q: %v, %v, want %v", s, got, err, want)
			}
		}
	})
}
