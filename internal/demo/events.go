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

// eventID is the key of an event.
type eventID = [16]byte

// totals summarise a set of events, to compare two sets without keeping them.
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

// readEvents reads a file of the generator. It uses encoding/csv, to be independent
// of the pipeline's parser.
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

// number returns the value of a cell, 0 if it is empty. It returns 0 for anything
// else too, which check then reports as a difference.
func number(cell string) float64 {
	n, _ := strconv.ParseFloat(cell, 64)
	return n
}
