package ecommerceevents

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var testSettings = settings{
	seed:     42,
	start:    time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC),
	meanGap:  defaultGap,
	users:    1_000,
	products: 200,
	weights:  usualWeights,
}

// goldenHash is the SHA-256 of the first 5,000 events of testSettings with faults.
const goldenHash = "581166acbb31781477235288b078af1ec035d294f9a61deb926cb95b565f7d11"

// cells returns the content of a row's message, and the message for its metadata.
func cells(t testing.TB, r *row) (map[string]any, *service.Message) {
	msg := service.NewMessage(nil)
	r.fill(msg)
	content, err := msg.AsStructured()
	require.NoError(t, err)
	return content.(map[string]any), msg
}

func text(t testing.TB, rows []row) string {
	var b strings.Builder
	for i := range rows {
		_, msg := cells(t, &rows[i])
		raw, err := msg.AsBytes()
		require.NoError(t, err)
		b.Write(raw)
		b.WriteByte('\n')
	}
	return b.String()
}

func TestASeedAndStartTimeDetermineEveryByte(t *testing.T) {
	t.Parallel()
	s := testSettings
	s.faults = faultRates{malformed: 0.02, duplicates: 0.02, late: 0.02}
	wall := func() time.Time { panic("the real clock must not be used") }

	one := text(t, newSimulation(s, wall).append(nil, 5_000))
	two := text(t, newSimulation(s, wall).append(nil, 5_000))
	require.Equal(t, one, two)

	sum := sha256.Sum256([]byte(one))
	assert.Equal(t, goldenHash, hex.EncodeToString(sum[:]),
		"the events of a seed have changed, and so have users' data sets: mention it in CHANGELOG.md")

	s.seed++
	assert.NotEqual(t, one, text(t, newSimulation(s, wall).append(nil, 5_000)))
}

func TestBatchSizesDoNotChangeTheEvents(t *testing.T) {
	t.Parallel()
	whole := newSimulation(testSettings, nil).append(nil, 1_000)
	var parts []row
	sim := newSimulation(testSettings, nil)
	for len(parts) < 1_000 {
		parts = sim.append(parts, 7)
	}
	assert.Equal(t, text(t, whole), text(t, parts[:1_000]))
}

func TestEventsAreWellFormed(t *testing.T) {
	t.Parallel()
	rows := newSimulation(testSettings, nil).append(nil, 10_000)
	names := []string{
		columnEventID, columnUserID, columnSessionID, columnEventType, columnProductID,
		columnProductName, columnCategory, columnPrice, columnQuantity, columnTimestamp,
	}
	sort.Strings(names)
	types, shapes, quoted := map[string]bool{}, map[string]bool{}, false
	digits := regexp.MustCompile(`[0-9]`)
	last := ""
	for i := range rows {
		event, msg := cells(t, &rows[i])
		var got []string
		for name, value := range event {
			got = append(got, name)
			require.IsType(t, "", value, name)
			require.True(t, utf8.ValidString(value.(string)))
		}
		sort.Strings(got)
		require.Equal(t, names, got)
		_, faulty := msg.MetaGet(metaFault)
		require.False(t, faulty)

		id, err := uuid.Parse(event[columnEventID].(string))
		require.NoError(t, err)
		require.EqualValues(t, 7, id.Version())
		require.Equal(t, uuid.RFC4122, id.Variant())
		require.Greater(t, id.String(), last, "ids ascend")
		last = id.String()
		_, err = uuid.Parse(event[columnSessionID].(string))
		require.NoError(t, err)
		for _, name := range []string{columnUserID, columnProductID} {
			n, err := strconv.Atoi(event[name].(string))
			require.NoError(t, err)
			require.Positive(t, n)
		}
		kind := strings.ToLower(event[columnEventType].(string))
		types[event[columnEventType].(string)] = true
		require.Equal(t, kind == "view", event[columnQuantity] == "")
		require.Equal(t, kind == "remove_from_cart", event[columnPrice] == "")
		if event[columnPrice] != "" {
			require.Regexp(t, `^[0-9]+\.[0-9]{2}$`, event[columnPrice])
		}
		quoted = quoted || strings.ContainsAny(event[columnProductName].(string), `",`)

		shapes[digits.ReplaceAllString(event[columnTimestamp].(string), "0")] = true
		seconds, _ := id.Time().UnixTime()
		require.WithinDuration(t, time.Unix(seconds, 0), parseStamp(t, event[columnTimestamp].(string)), time.Second)
	}
	assert.Len(t, types, 16, "every kind in every spelling")
	assert.Len(t, shapes, stampStyles, "timestamps of every style")
	assert.True(t, quoted, "some names need quotes in CSV")
}

var stampLayouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04:05.000", "2006-01-02T15:04:05.000",
}

func parseStamp(t testing.TB, stamp string) time.Time {
	if n, err := strconv.ParseInt(stamp, 10, 64); err == nil {
		if len(stamp) > 10 {
			return time.UnixMilli(n)
		}
		return time.Unix(n, 0)
	}
	for _, layout := range stampLayouts {
		if at, err := time.Parse(layout, stamp); err == nil {
			return at
		}
	}
	require.Fail(t, "no known format", stamp)
	return time.Time{}
}

func TestTheSimulatedClockKeepsItsMeanGap(t *testing.T) {
	t.Parallel()
	for _, gap := range []time.Duration{0, time.Microsecond, 10 * time.Millisecond, time.Hour} {
		s := testSettings
		s.meanGap = gap
		sim := newSimulation(s, nil)
		const n = 20_000
		sim.append(nil, n)
		elapsed := time.Duration(sim.nanos - s.start.UnixNano())
		assert.InEpsilon(t, float64(n*gap)+1, float64(elapsed)+1, 0.03, gap)
	}
}

func TestTheSimulatedClockStopsBeforeItOverflows(t *testing.T) {
	t.Parallel()
	s := testSettings
	s.start = latestStart.Add(-time.Hour)
	s.meanGap = 365 * 24 * time.Hour
	sim := newSimulation(s, nil)
	sim.append(nil, 1_000)
	assert.Less(t, sim.nanos, latestStart.AddDate(3, 0, 0).UnixNano())
	assert.Positive(t, sim.nanos)
}

func TestWithoutAStartTimeEventsHappenNow(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 5, 6, 7, 8, 9, 123e6, time.UTC)
	s := testSettings
	s.start = time.Time{}
	rows := newSimulation(s, func() time.Time { return now }).append(nil, 500)
	for i := range rows {
		event, _ := cells(t, &rows[i])
		require.WithinDuration(t, now, parseStamp(t, event[columnTimestamp].(string)), time.Second)
		id := uuid.MustParse(event[columnEventID].(string))
		require.Equal(t, now.UnixMilli(), int64(id[0])<<40|int64(id[1])<<32|int64(id[2])<<24|int64(id[3])<<16|int64(id[4])<<8|int64(id[5]))
	}
}

func TestFaultsHaveTheirShares(t *testing.T) {
	t.Parallel()
	s := testSettings
	s.faults = faultRates{malformed: 0.05, duplicates: 0.1, late: 0.02}
	const n = 50_000
	rows := newSimulation(s, nil).append(nil, n)

	counts := map[string]float64{}
	damaged := map[damage]bool{}
	seen := map[string]map[string]any{}
	for i := range rows {
		event, msg := cells(t, &rows[i])
		fault, _ := msg.MetaGet(metaFault)
		column, _ := msg.MetaGet(metaFaultColumn)
		counts[fault]++
		switch fault {
		case faultDuplicate:
			require.Equal(t, seen[rows[i].eventID], event, "a duplicate is an earlier event as it was")
		case faultMalformed:
			damaged[damage{column, event[column]}] = true
		case faultLate:
			id := uuid.MustParse(event[columnEventID].(string))
			seconds, _ := id.Time().UnixTime()
			late := time.Unix(seconds, 0).Sub(parseStamp(t, event[columnTimestamp].(string)))
			require.Greater(t, late, time.Hour-2*time.Second)
			require.Less(t, late, 3*24*time.Hour+2*time.Second)
		default:
			seen[rows[i].eventID] = event
		}
	}
	assert.InDelta(t, s.faults.malformed, counts[faultMalformed]/n, 0.005)
	assert.InDelta(t, s.faults.duplicates, counts[faultDuplicate]/n, 0.005)
	assert.InDelta(t, s.faults.late, counts[faultLate]/n, 0.005)
	assert.Len(t, damaged, len(damages), "every kind of damage")
}

// TestNoDamageFitsTheTable checks that user_events rejects each damaged value.
func TestNoDamageFitsTheTable(t *testing.T) {
	t.Parallel()
	for _, d := range damages {
		value := d.value.(string)
		switch d.column {
		case columnPrice:
			price, err := strconv.ParseFloat(value, 64)
			assert.True(t, err != nil || price < 0 || price >= 1e10, value)
		case columnQuantity:
			_, err := strconv.ParseInt(value, 10, 32)
			assert.Error(t, err, value)
		case columnUserID, columnProductID:
			_, err := strconv.ParseInt(value, 10, 64)
			assert.Error(t, err, value)
		case columnEventID, columnSessionID:
			_, err := uuid.Parse(value)
			assert.Error(t, err, value)
		case columnTimestamp:
			_, err := strconv.ParseInt(value, 10, 64)
			assert.Error(t, err, value)
			for _, layout := range stampLayouts {
				_, err := time.Parse(layout, value)
				assert.Error(t, err, value)
			}
		case columnProductName, columnCategory:
			assert.True(t, strings.ContainsRune(value, 0) || !utf8.ValidString(value), "%q", value)
		default:
			assert.Fail(t, "unknown column", d.column)
		}
	}
}

func TestDamagedTextsSurviveCSV(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	w := csv.NewWriter(&b)
	for _, d := range damages {
		require.NoError(t, w.Write([]string{d.value.(string), "x"}))
	}
	w.Flush()
	records, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	require.NoError(t, err)
	for i, d := range damages {
		assert.Equal(t, d.value, records[i][0])
	}
}
