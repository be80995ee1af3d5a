package boxes

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABoxIsTheValueItself(t *testing.T) {
	t.Parallel()
	texts := []string{"", "a", "some longer text"}
	for i := range texts {
		v := String(&texts[i])
		require.Equal(t, texts[i], v)
		s, isString := v.(string)
		require.True(t, isString)
		require.Equal(t, texts[i], s)
		require.Equal(t, map[any]int{texts[i]: 1}, map[any]int{v: 1})
	}
	numbers := []int64{0, 1, -1, 1 << 40}
	for i := range numbers {
		require.Equal(t, any(numbers[i]), Int64(&numbers[i]))
	}
}

func TestABoxKeepsWhatItHoldsAlive(t *testing.T) {
	t.Parallel()
	make1 := func() any {
		cells := []string{string([]byte("kept")), string([]byte("also kept"))}
		return String(&cells[1])
	}
	v := make1()
	for range 3 {
		runtime.GC()
		_ = make([]byte, 1<<20)
	}
	require.Equal(t, "also kept", v)
}

func TestABoxCostsNoAllocation(t *testing.T) {
	text, number := "text", int64(1<<40)
	var v any
	require.Zero(t, testing.AllocsPerRun(100, func() {
		v = String(&text)
		v = Int64(&number)
	}))
	require.NotNil(t, v)
}
