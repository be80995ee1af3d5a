package conn

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRepeatsAreLoggedMoreAndMoreSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f LogFilter
		began := time.Now()
		var minutes []int
		for time.Since(began) < time.Hour {
			for range 1000 { // batches
				if f.Allows("dial tcp 127.0.0.1:5432: connection refused") {
					minutes = append(minutes, int(time.Since(began).Minutes()))
				}
			}
			time.Sleep(15 * time.Second)
		}
		assert.Equal(t, []int{0, 1, 3, 7, 15, 31}, minutes)
		assert.True(t, f.Allows("another failure"))
		time.Sleep(logEvery)
		assert.True(t, f.Allows("dial tcp 127.0.0.1:5433: connection refused"), "it was over, and is new")
		f.Forget()
		assert.True(t, f.Allows("another failure"))
	})
}
