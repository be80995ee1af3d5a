package tests

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const header = "event_id,user_id,session_id,event_type,product_id,product_name,category,price,quantity,timestamp"

// event is a row of user_events, with cells as PostgreSQL prints them and "" for null.
type event struct {
	id, user, session, kind, product, name, category, price, quantity string
	at                                                                time.Time
}

// eventID returns the id of a test's n-th event.
func eventID(n int) string { return fmt.Sprintf("0190a3e0-0000-7000-8000-%012x", n) }

// record returns a valid CSV record without its line end.
func record(n int) string {
	return fmt.Sprintf(`%s,%d,,View,7,"Lamp, ""big""",home,12.50,1,2026-01-02T03:04:05Z`, eventID(n), n)
}

// records returns valid CSV records from one number up to another, without a header.
func records(from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		b.WriteString(record(n))
		b.WriteByte('\n')
	}
	return b.String()
}

// csvFile returns a file of valid records.
func csvFile(from, to int) string { return header + "\n" + records(from, to) }

// place is the location of a record: a file and a row number.
type place struct {
	path string
	row  int64
}

// generated returns the rows that user_events should have, by event_id, for the CSV
// files in the events folder. Every record in them must be good.
func (s *site) generated() map[string]event {
	s.t.Helper()
	good, bad := s.sorted()
	require.Empty(s.t, bad)
	return good
}

// sorted reads the CSV files in the events folder with encoding/csv, and separates
// the records that can be stored from those that cannot.
func (s *site) sorted() (good map[string]event, bad map[place]error) {
	s.t.Helper()
	good, bad = map[string]event{}, map[place]error{}
	for _, path := range s.files() {
		for i, cells := range readCSV(s.t, path) {
			if e, err := wanted(cells); err != nil {
				bad[place{path, int64(i + 1)}] = err
			} else {
				good[e.id] = e
			}
		}
	}
	return good, bad
}

// files lists the CSV files of the events folder by name.
func (s *site) files() []string {
	s.t.Helper()
	var found []string
	err := filepath.WalkDir(s.events, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && (strings.HasSuffix(path, ".csv") || strings.HasSuffix(path, ".csv.gz")) {
			found = append(found, path)
		}
		return err
	})
	require.NoError(s.t, err)
	return found
}

// readCSV returns the records of a file after checking its header.
func readCSV(t testing.TB, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var content io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		content, err = gzip.NewReader(f)
		require.NoError(t, err)
	}
	all, err := csv.NewReader(content).ReadAll()
	require.NoError(t, err, path)
	require.NotEmpty(t, all, path)
	require.Equal(t, header, strings.Join(all[0], ","), path)
	return all[1:]
}

// wanted returns the row that a record should become, or why it cannot be stored.
func wanted(cells []string) (event, error) {
	for _, cell := range cells {
		if !utf8.ValidString(cell) || strings.ContainsRune(cell, 0) {
			return event{}, fmt.Errorf("%q is no text for PostgreSQL", cell)
		}
	}
	e := event{
		id: cells[0], user: cells[1], session: cells[2], kind: strings.ToLower(strings.TrimSpace(cells[3])),
		product: cells[4], name: cells[5], category: cells[6], price: cells[7], quantity: cells[8],
	}
	var errs [6]error
	_, errs[0] = uuid.Parse(e.id)
	_, errs[1] = strconv.ParseInt(e.user, 10, 64)
	if e.session != "" {
		_, errs[2] = uuid.Parse(e.session)
	}
	if e.product != "" {
		_, errs[3] = strconv.ParseInt(e.product, 10, 64)
	}
	if e.quantity != "" {
		_, errs[4] = strconv.ParseInt(e.quantity, 10, 32)
	}
	if e.price != "" {
		price, err := strconv.ParseFloat(e.price, 64)
		if err == nil && (price < 0 || price >= 1e10) {
			err = fmt.Errorf("the price %q is out of range", e.price)
		}
		errs[5] = err
		e.price = strconv.FormatFloat(price, 'f', 2, 64)
	}
	var err error
	e.at, err = parseTime(cells[9])
	return e, errors.Join(append(errs[:], err)...)
}

// parseTime parses every timestamp format of the generator.
func parseTime(cell string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, cell); err == nil { // with or without a fraction
			return at.UTC().Truncate(time.Microsecond), nil
		}
	}
	number, err := strconv.ParseInt(cell, 10, 64)
	if err != nil || number < 1e11 {
		return time.Unix(number, 0).UTC(), err
	}
	return time.UnixMilli(number).UTC(), nil
}

// requireSame checks that the stored events are those generated. It reports only the
// first difference.
func requireSame(t testing.TB, generated, stored map[string]event) {
	t.Helper()
	require.NotEmpty(t, generated)
	for _, id := range slices.Sorted(maps.Keys(generated)) {
		require.Equal(t, generated[id], stored[id], "event %s, generated and stored", id)
	}
	require.Equal(t, len(generated), len(stored), "something is stored that was not generated")
}
