package ecommerceevents

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIdentifiersAscendWhateverTheClockDoes(t *testing.T) {
	t.Parallel()
	ids := &identifiers{random: newRandom(1)}
	last := ""
	for _, millis := range []int64{5000, 5000, 4000, 5001, 1, 9000} {
		for range 6_000 { // more than the counter holds
			id := string(ids.appendNext(nil, millis))
			require.Greater(t, id, last)
			last = id
			parsed, err := uuid.Parse(id)
			require.NoError(t, err)
			require.EqualValues(t, 7, parsed.Version())
		}
	}
	assert.Equal(t, time.UnixMilli(9001), idTime(t, last), "6,000 ids take one millisecond more than the clock's")
}

func idTime(t testing.TB, id string) time.Time {
	u, err := uuid.Parse(id)
	require.NoError(t, err)
	var millis int64
	for _, b := range u[:6] {
		millis = millis<<8 | int64(b)
	}
	return time.UnixMilli(millis)
}

func TestTimestampsAreWrittenInEveryStyle(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 29, 23, 59, 58, 7e6, time.UTC).UnixMilli()
	want := map[int]string{
		stampRFC3339:       "2024-02-29T23:59:58Z",
		stampRFC3339Millis: "2024-02-29T23:59:58.007Z",
		stampRFC3339Offset: "2024-03-01T01:59:58+02:00",
		stampSpace:         "2024-02-29 23:59:58",
		stampSpaceMillis:   "2024-02-29 23:59:58.007",
		stampT:             "2024-02-29T23:59:58",
		stampTMillis:       "2024-02-29T23:59:58.007",
		stampUnixSeconds:   "1709251198",
		stampUnixMillis:    "1709251198007",
	}
	require.Len(t, want, stampStyles)
	var s stamper
	for range 2 { // the second time from memory
		for style, text := range want {
			assert.Equal(t, text, string(s.append(nil, at, style)))
		}
	}
	assert.Equal(t, "2024-02-29T23:59:59Z", string(s.append(nil, at+1000, stampRFC3339)))
	assert.Equal(t, "1969-12-31T23:59:59.999Z", string(s.append(nil, -1, stampRFC3339Millis)))
	assert.Equal(t, "-1", string(s.append(nil, -1, stampUnixSeconds)))
}

func TestPricesHaveTwoDecimals(t *testing.T) {
	t.Parallel()
	for cents, want := range map[int64]string{0: "0.00", 5: "0.05", 199: "1.99", 123450: "1234.50"} {
		assert.Equal(t, want, string(appendCents(nil, cents)))
	}
}

func TestCataloguesMayHaveAnySize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 17, 3_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			c := newCatalogue(99, n)
			ids := map[any]bool{}
			for _, p := range c.products {
				ids[p.id] = true
				require.NotEmpty(t, p.name)
				require.Regexp(t, `^[1-9][0-9]*\.[0-9]{2}$`, p.price)
			}
			require.Len(t, ids, n)
			r := newRandom(1)
			for shelf := range uint32(len(c.shelves)) {
				for range 20 {
					require.Less(t, c.choose(r, shelf), uint32(n))
				}
			}
		})
	}
}
