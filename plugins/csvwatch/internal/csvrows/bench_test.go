package csvrows

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quoting selects the cells of a file that are quoted.
type quoting uint8

const (
	noneQuoted quoting = iota
	nameQuoted         // one cell of ten, which has a comma
	allQuoted
)

// shopFile is a file as the shop of this project writes it, or with quotes.
func shopFile(rows int, quotes quoting) string {
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("event_id,user_id,session_id,event_type,product_id,product_name,category,price,quantity,timestamp\n")
	for i := range rows {
		id := func() string {
			return fmt.Sprintf("%08x-%04x-7%03x-8%03x-%012x", rng.Uint32(), rng.Uint32N(1<<16), rng.Uint32N(1<<12), rng.Uint32N(1<<12), rng.Uint64N(1<<48))
		}
		cells := []string{
			id(), fmt.Sprint(rng.IntN(100000)), id(), []string{"View", "ADD_TO_CART", "purchase"}[rng.IntN(3)], fmt.Sprint(rng.IntN(5000)),
			"Smart Bamboo Lamp", "Kitchen", fmt.Sprintf("%.2f", rng.Float64()*100), "1", fmt.Sprintf("2025-11-22T10:%02d:%02d.%03dZ", i/60%60, i%60, rng.IntN(1000)),
		}
		if quotes == nameQuoted {
			cells[5] = `"Lamp, Smart Bamboo"`
		}
		if quotes == allQuoted {
			b.WriteString(`"` + strings.Join(cells, `","`) + "\"\n")
		} else {
			b.WriteString(strings.Join(cells, ",") + "\n")
		}
	}
	return b.String()
}

const benchRows = 200_000

func BenchmarkShopFile(b *testing.B) {
	for name, content := range map[string]string{
		"plain": shopFile(benchRows, noneQuoted), "named": shopFile(benchRows, nameQuoted), "quoted": shopFile(benchRows, allQuoted),
	} {
		for _, file := range []string{"x.csv", "x.csv.gz", "x.csv.zst"} {
			b.Run(name+"/ours/"+file, func(b *testing.B) {
				src := strings.NewReader(packed(b, file, content))
				measure(b, content, func() int { return readOurs(b, src, file) })
			})
		}
		b.Run(name+"/encoding-csv", func(b *testing.B) {
			measure(b, content, func() int { return readReference(b, content, false) })
		})
		b.Run(name+"/encoding-csv-reusing", func(b *testing.B) {
			measure(b, content, func() int { return readReference(b, content, true) })
		})
	}
}

// BenchmarkSmallFile opens, reads and closes files of ten rows, of which a backlog may have a hundred thousand.
func BenchmarkSmallFile(b *testing.B) {
	content := shopFile(10, noneQuoted)
	measure(b, content, func() int { return readOurs(b, strings.NewReader(content), "x.csv") })
}

// Not parallel: it counts allocations.
func TestARowCostsNoAllocation(t *testing.T) {
	const rows = 10_000
	for name, content := range map[string]string{"plain": shopFile(rows, noneQuoted), "named": shopFile(rows, nameQuoted), "quoted": shopFile(rows, allQuoted)} {
		src := strings.NewReader(content)
		var batch []Row
		allocations := testing.AllocsPerRun(5, func() {
			r, err := Open(src, "x.csv", headed, Position{})
			require.NoError(t, err)
			for err == nil {
				batch, err = r.Read(batch[:0], 1000)
			}
			require.ErrorIs(t, err, io.EOF)
			require.NoError(t, r.Close())
		})
		assert.Less(t, allocations, rows/50.0, name)
	}
}

func measure(b *testing.B, content string, read func() int) {
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	rows, before := 0, cpuTime()
	for b.Loop() {
		rows += read()
	}
	used := cpuTime() - before // the garbage collector's too
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(used.Nanoseconds())/float64(rows), "cpu-ns/row")
}

func readOurs(b *testing.B, src io.ReaderAt, name string) int {
	r, err := Open(src, name, Options{ParseHeaderRow: true}, Position{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	n := 0
	var rows []Row
	for {
		rows, err = r.Read(rows[:0], 1000)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		n += len(rows)
		if rows[0].Err != nil || len(rows[0].Fields) != 10 {
			b.Fatal(rows[0])
		}
	}
	return n
}

// readReference reads with encoding/csv. When it reuses the record, rows cannot be kept for a batch as ours can.
func readReference(b *testing.B, content string, reuse bool) int {
	r := csv.NewReader(strings.NewReader(content))
	r.ReuseRecord = reuse
	n := -1
	for {
		_, err := r.Read()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
}
