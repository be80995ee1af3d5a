package ledger

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMultirangesAreWrittenAndRead(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "{[-1,3),[5,6),[7,9)}", multirange([]int64{8, 0, 5, 1, -1, 7, 2, 2}))
	ranges, err := parseMultirange("{[-1,3),[5,6)}")
	require.NoError(t, err)
	assert.Equal(t, [][2]int64{{-1, 3}, {5, 6}}, ranges)
	ranges, err = parseMultirange("{}")
	require.NoError(t, err)
	assert.Empty(t, ranges)
	_, err = parseMultirange("{(,5)}")
	assert.Error(t, err)
}

func TestOffsetsThatRepeatAreFoundAmongSeveralChannels(t *testing.T) {
	t.Parallel()
	type offset struct {
		channel string
		offset  string
	}
	for name, c := range map[string]struct {
		of   []offset
		want map[int]int
	}{
		"each channel ascends":    {[]offset{{"a", "1"}, {"b", "1"}, {"a", "2"}, {"b", "7"}}, nil},
		"the lowest there is":     {[]offset{{"a", "-9223372036854775808"}, {"a", "-9223372036854775807"}}, nil},
		"the lowest, twice":       {[]offset{{"a", "-9223372036854775808"}, {"a", "-9223372036854775808"}}, map[int]int{1: 0}},
		"one repeats":             {[]offset{{"a", "1"}, {"b", "1"}, {"a", "1"}}, map[int]int{2: 0}},
		"one descends":            {[]offset{{"a", "2"}, {"b", "1"}, {"a", "1"}}, nil},
		"repeated from far back":  {[]offset{{"a", "1"}, {"a", "2"}, {"b", "2"}, {"a", "3"}, {"a", "2"}, {"a", "2"}}, map[int]int{4: 1, 5: 1}},
		"messages without offset": {[]offset{{"a", "1"}, {}, {}, {"a", "2"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := NewOffsets(len(c.of))
			for i, o := range c.of {
				if o.channel != "" {
					require.NoError(t, m.Set(i, 0, []byte(o.channel), []byte(o.offset)))
				}
			}
			assert.Equal(t, c.want, m.Repeated())
		})
	}
}
