package scrape

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const exported = `# TYPE sent counter
sent{label="a",path="x y"} 3
sent{label="b",path="}"} 4e+06
# TYPE waiting gauge
waiting 2
plain 7
`

func TestSumAddsTheMatchingSeries(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		labels map[string]string
		sum    float64
		found  bool
	}{
		{"sent", nil, 4000003, true},
		{"sent", map[string]string{"label": "a"}, 3, true},
		{"sent", map[string]string{"label": "b", "path": "}"}, 4e6, true},
		{"sent", map[string]string{"label": "c"}, 0, false},
		{"waiting", nil, 2, true},
		{"plain", nil, 7, true},
		{"absent", nil, 0, false},
	} {
		sum, found, err := Sum(strings.NewReader(exported), test.name, test.labels)
		require.NoError(t, err)
		assert.InDelta(t, test.sum, sum, 0, "%s %v", test.name, test.labels)
		assert.Equal(t, test.found, found, "%s %v", test.name, test.labels)
	}
	_, _, err := Sum(strings.NewReader("sent{ 1\n"), "sent", nil)
	require.ErrorContains(t, err, "parsing metrics: ")
}
