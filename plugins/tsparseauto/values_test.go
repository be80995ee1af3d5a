package tsparseauto

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/stretchr/testify/require"
)

func TestTimesAreRead(t *testing.T) {
	t.Parallel()
	london, err := time.LoadLocation("Europe/London")
	require.NoError(t, err)
	for value, want := range map[any]string{
		"2026-01-02T03:04:05Z":                   "2026-01-02T03:04:05Z",
		"2026-01-02t03:04:05z":                   "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.123456789Z":         "2026-01-02T03:04:05.123456789Z",
		"2026-01-02T03:04:05.1234567891234Z":     "2026-01-02T03:04:05.123456789Z",
		"2026-01-02T05:04:05+02:00":              "2026-01-02T03:04:05Z",
		"2026-01-02 05:04:05 +0200":              "2026-01-02T03:04:05Z",
		"2026-01-01 22:04:05-05":                 "2026-01-02T03:04:05Z",
		"2026-01-01T21:34:05-05:30":              "2026-01-02T03:04:05Z",
		"2026-01-02 03:04:05":                    "2026-01-02T03:04:05Z",
		"2026-01-02  03:04:05":                   "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.5":                  "2026-01-02T03:04:05.5Z",
		"2026-01-02 03:04:05,25":                 "2026-01-02T03:04:05.25Z",
		"2026-01-02 03:04:05 UTC":                "2026-01-02T03:04:05Z",
		"2026-01-02 03:04:05 gmt":                "2026-01-02T03:04:05Z",
		"2026/1/2 3:04":                          "2026-01-02T03:04:00Z",
		"  2026-01-02\t":                         "2026-01-02T00:00:00Z",
		"2024-02-29":                             "2024-02-29T00:00:00Z",
		"2016-12-31T23:59:60Z":                   "2017-01-01T00:00:00Z",
		"0001-01-01T00:00:00Z":                   "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z":                   "9999-12-31T23:59:59Z",
		"2026-07-01 12:00:00":                    "2026-07-01T11:00:00Z", // London's summer
		"2026-07-01":                             "2026-06-30T23:00:00Z",
		"2026-07-01 12:00:00Z":                   "2026-07-01T12:00:00Z",
		"0":                                      "1970-01-01T00:00:00Z",
		"1767323045":                             "2026-01-02T03:04:05Z",
		"1767323045.25":                          "2026-01-02T03:04:05.25Z",
		"99999999999":                            "5138-11-16T09:46:39Z",
		"100000000000":                           "1973-03-03T09:46:40Z",
		"1767323045123":                          "2026-01-02T03:04:05.123Z",
		"1767323045123.456":                      "2026-01-02T03:04:05.123456Z",
		"9999999999999":                          "2286-11-20T17:46:39.999Z",
		int64(1767323045):                        "2026-01-02T03:04:05Z",
		1767323045:                               "2026-01-02T03:04:05Z",
		uint64(1767323045123):                    "2026-01-02T03:04:05.123Z",
		1767323045.25:                            "2026-01-02T03:04:05.25Z",
		json.Number("1767323045123"):             "2026-01-02T03:04:05.123Z",
		time.Unix(1767323045, 0).In(london):      "2026-01-02T03:04:05Z",
		"2026-01-02 03:04:05.000000000000000000": "2026-01-02T03:04:05Z",
	} {
		got, err := parseValue(value, london)
		require.NoError(t, err, value)
		require.Equal(t, want, got.Format(time.RFC3339Nano), value)
		require.Equal(t, time.UTC, got.Location(), value)
	}
}

func TestOtherValuesAreRefusedWithTheirReason(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value any
		want  string
	}{
		{nil, `timestamp "" is not a time`},
		{" ", `timestamp " " is not a time`},
		{"yesterday", `timestamp "yesterday" is not a time`},
		{"12:30", `timestamp "12:30" is not a time`},
		{"-5", `timestamp "-5" is not a time`},
		{"1e300", `timestamp "1e300" is not a time`},
		{"1.5e9", `timestamp "1.5e9" is not a time`},
		{"1.", `timestamp "1." is not a time`},
		{"2026-01", `timestamp "2026-01" is not a time`},
		{"2026-01-02T", `timestamp "2026-01-02T" is not a time`},
		{"2026-01-02 03", `timestamp "2026-01-02 03" is not a time`},
		{"2026-01/02", `timestamp "2026-01/02" is not a time`},
		{"2026-01-02x", `timestamp "2026-01-02x" is not a time`},
		{"2026-01-02 03:04:05 PM", `timestamp "2026-01-02 03:04:05 PM" is not a time`},
		{"2026-01-02 03:04:05 Europe/Paris", `timestamp "2026-01-02 03:04:05 Europe/Paris" is not a time`},
		{"2026-01-02 03:04:05+1", `timestamp "2026-01-02 03:04:05+1" is not a time`},
		{"2026-01-02 03:04:05+01:0", `timestamp "2026-01-02 03:04:05+01:0" is not a time`},
		{"2026-01-02 03:045", `timestamp "2026-01-02 03:045" is not a time`},
		{"2026-02-30 00:00:00", `timestamp "2026-02-30 00:00:00" is not a time: there is no such day`},
		{"2025-02-29", `timestamp "2025-02-29" is not a time: there is no such day`},
		{"0000-01-01", `timestamp "0000-01-01" is not a time: there is no such day`},
		{"2026-13-01", `timestamp "2026-13-01" is not a time: there is no such day`},
		{"2026-01-02 25:00", `timestamp "2026-01-02 25:00" is not a time: there is no such time of day`},
		{"2026-01-02 23:59:61", `timestamp "2026-01-02 23:59:61" is not a time: there is no such time of day`},
		{"2026-01-02 03:04:05+16:00", `timestamp "2026-01-02 03:04:05+16:00" is not a time: there is no such offset from UTC`},
		{"02.01.2026", `timestamp "02.01.2026" is not a time: it may begin with the day or the month: read it with ts_strptime, such as ts_strptime("%d.%m.%Y")`},
		{"1/2/26 8:30", `timestamp "1/2/26 8:30" is not a time: it may begin with the day or the month: read it with ts_strptime, such as ts_strptime("%d.%m.%Y")`},
		{"20260102", `timestamp "20260102" is not a time: eight digits may be a date or Unix seconds: read a date with ts_strptime("%Y%m%d")`},
		{"20260102030405", `timestamp "20260102030405" is not a time: Unix seconds and milliseconds are read from 0 to 9999999999999`},
		{"10000000000000", `timestamp "10000000000000" is not a time: Unix seconds and milliseconds are read from 0 to 9999999999999`},
		{true, `timestamp "true" is not a time`},
		{map[string]any{"a": 1}, "an object is not a time"},
		{[]any{1}, "an array is not a time"},
		{struct{}{}, "a value of the type struct {} is not a time"},
		{strings.Repeat("ä", 40_000), `timestamp "` + strings.Repeat("ä", 32) + `…" is not a time`},
		{"x" + strings.Repeat("ä", 40), `timestamp "x` + strings.Repeat("ä", 31) + `…" is not a time`},
	} {
		_, err := parseValue(test.value, time.UTC)
		require.EqualError(t, err, test.want)
	}
}

func TestAnUnknownZoneIsRefusedWhenParsed(t *testing.T) {
	t.Parallel()
	_, err := bloblang.Parse(`root = this.ts_parse_auto(tz: "Europe/Atlantis")`)
	require.ErrorContains(t, err, "loading the time zone of ts_parse_auto: unknown time zone Europe/Atlantis")
}
