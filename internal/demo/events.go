package demo

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// eventID is an event's key.
type eventID = [16]byte

// totals sum up what events say, so that two sets of them can be compared
// without keeping either.
type totals struct {
	Events   int64
	Types    map[string]int64 // by event type, lowercased
	Cents    int64            // sum of the prices
	Quantity int64            // sum of the quantities
	Users    float64          // sum of the user IDs, which may be large
}

func (t *totals) add(o totals) {
	if t.Types == nil {
		t.Types = map[string]int64{}
	}
	t.Events += o.Events
	for name, n := range o.Types {
		t.Types[name] += n
	}
	t.Cents += o.Cents
	t.Quantity += o.Quantity
	t.Users += o.Users
}

// readEvents reads a finished file of the shop, by a reader of CSV that is not
// the pipeline's.
func readEvents(path string) (ids []eventID, sum totals, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, totals{}, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return nil, totals{}, fmt.Errorf("reading the header of %s: %w", path, err)
	}
	column := map[string]int{}
	for i, name := range header {
		column[name] = i
	}
	for _, name := range []string{"event_id", "user_id", "event_type", "price", "quantity"} {
		if _, ok := column[name]; !ok {
			return nil, totals{}, fmt.Errorf("%s has no column %s", path, name)
		}
	}
	sum.Types = map[string]int64{}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return ids, sum, nil
		}
		if err != nil {
			return nil, totals{}, fmt.Errorf("reading %s: %w", path, err)
		}
		cell := func(name string) string { return strings.TrimSpace(record[column[name]]) }
		id, err := uuid.Parse(cell("event_id"))
		if err != nil {
			return nil, totals{}, fmt.Errorf("reading %s: event_id: %w", path, err)
		}
		ids = append(ids, id)
		sum.Events++
		sum.Types[strings.ToLower(cell("event_type"))]++
		sum.Cents += int64(math.Round(number(cell("price")) * 100))
		sum.Quantity += int64(number(cell("quantity")))
		sum.Users += number(cell("user_id"))
	}
}

// number is 0 for an empty cell. A cell that is no number is 0 too: then the
// sums differ at the end, which is to be noticed.
func number(cell string) float64 {
	n, _ := strconv.ParseFloat(cell, 64)
	return n
}
