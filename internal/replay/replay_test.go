package replay

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

func keyOf(m *service.Message) (int, bool) {
	value, _ := m.MetaGetMut("row")
	key, ok := value.(int)
	return key, ok
}

// batchOf makes a message for each row; a negative one has no row.
func batchOf(rows ...int) (batch service.MessageBatch) {
	for _, row := range rows {
		m := service.NewMessage(nil)
		if row >= 0 {
			m.MetaSetMut("row", row)
		}
		batch = append(batch, m)
	}
	return batch
}

func TestRefusedRowsAreThoseThatTheErrorLists(t *testing.T) {
	t.Parallel()
	refusing := func(batch service.MessageBatch, indexes ...int) error {
		err := service.NewBatchError(batch, errors.New("some failed"))
		for _, i := range indexes {
			err = err.Failed(i, errors.New("bad"))
		}
		return fmt.Errorf("writing: %w", err)
	}
	delivery := []int{1, 2, 3, 4}
	for name, c := range map[string]struct {
		err  error
		want []int
	}{
		"no error":                  {nil, nil},
		"an error of the batch":     {errors.New("no room"), delivery},
		"no message listed":         {refusing(batchOf(1, 2, 3, 4)), delivery},
		"some listed":               {refusing(batchOf(1, 2, 3, 4), 1, 3), []int{2, 4}},
		"filtered and in new order": {refusing(batchOf(4, 1), 0), []int{4}},
		"a message of another":      {refusing(batchOf(1, 7), 0, 1), delivery},
		"only messages of others":   {refusing(batchOf(7), 0), delivery},
		"a message without a row":   {refusing(batchOf(1, -1), 0, 1), delivery},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusal := RefusalOf(c.err, keyOf, slices.Values(delivery))
			require.Equal(t, len(c.want) == 0, refusal.None())
			var got []int
			for _, row := range delivery {
				if refusal.Has(row) {
					got = append(got, row)
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestDeliveriesComeBackInTheirTime(t *testing.T) {
	t.Parallel()
	q := NewQueue[string]()
	_, ok := q.Take()
	require.False(t, ok)
	q.Add("late", 4)
	q.Add("soon", 1)
	require.Equal(t, 2, q.Len())
	for _, want := range []string{"soon", "late"} {
		<-q.Due()
		got, ok := q.Take()
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	require.Zero(t, q.Len())
}

func TestPausesGrowUpToASecond(t *testing.T) {
	t.Parallel()
	require.Equal(t, 10*time.Millisecond, pause(1))
	require.Equal(t, 20*time.Millisecond, pause(2))
	require.Equal(t, time.Second, pause(8))
	require.Equal(t, time.Second, pause(1000))
}
