package rig

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

// Header is the header line of the event files.
const Header = "event_id,user_id,session_id,event_type,product_id,product_name,category,price,quantity,timestamp"

// Event is a row of user_events, with cells as PostgreSQL prints them and "" for null.
type Event struct {
	id, user, session, kind, product, name, category, price, quantity string
	at                                                                time.Time
}

// EventID returns the id of a test's n-th event.
func EventID(n int) string { return fmt.Sprintf("0190a3e0-0000-7000-8000-%012x", n) }

// Record returns a valid CSV record without its line end.
func Record(n int) string {
	return fmt.Sprintf(`%s,%d,,View,7,"Lamp, ""big""",home,12.50,1,2026-01-02T03:04:05Z`, EventID(n), n)
}

// Records returns valid CSV records from one number up to another, without a header.
func Records(from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		b.WriteString(Record(n))
		b.WriteByte('\n')
	}
	return b.String()
}

// CSVFile returns a file of valid records.
func CSVFile(from, to int) string { return Header + "\n" + Records(from, to) }

// Place is the location of a record: a file and a row number.
type Place struct {
	Path string
	Row  int64
}

// Generated returns the rows that user_events should have, by event_id, for the CSV
// files in the events folder. Every record in them must be good.
func (s *Site) Generated() map[string]Event {
	s.T.Helper()
	good, bad := s.Sorted()
	require.Empty(s.T, bad)
	return good
}

// Sorted reads the CSV files in the events folder with encoding/csv, and separates
// the records that can be stored, by event_id, from those that cannot, by their place.
func (s *Site) Sorted() (good map[string]Event, bad map[Place]error) {
	s.T.Helper()
	good, bad = map[string]Event{}, map[Place]error{}
	for _, path := range s.Files() {
		for i, cells := range ReadCSV(s.T, path) {
			if e, err := wanted(cells); err != nil {
				bad[Place{path, int64(i + 1)}] = err
			} else {
				good[e.id] = e
			}
		}
	}
	return good, bad
}

// Files lists the CSV files of the events folder by name.
func (s *Site) Files() []string {
	s.T.Helper()
	var found []string
	err := filepath.WalkDir(s.EventsDir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && (strings.HasSuffix(path, ".csv") || strings.HasSuffix(path, ".csv.gz")) {
			found = append(found, path)
		}
		return err
	})
	require.NoError(s.T, err)
	return found
}

// ReadCSV returns the records of a file after checking its header.
func ReadCSV(t testing.TB, path string) [][]string {
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
	require.Equal(t, Header, strings.Join(all[0], ","), path)
	return all[1:]
}

// wanted returns the row that a record should become, or why it cannot be stored.
func wanted(cells []string) (Event, error) {
	for _, cell := range cells {
		if !utf8.ValidString(cell) || strings.ContainsRune(cell, 0) {
			return Event{}, fmt.Errorf("%q is no text for PostgreSQL", cell)
		}
	}
	e := Event{
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

// RequireSame checks that the stored events are those generated. It reports only the
// first difference.
func RequireSame(t testing.TB, generated, stored map[string]Event) {
	t.Helper()
	require.NotEmpty(t, generated)
	for _, id := range slices.Sorted(maps.Keys(generated)) {
		require.Equal(t, generated[id], stored[id], "event %s, generated and stored", id)
	}
	require.Equal(t, len(generated), len(stored), "something is stored that was not generated")
}

// RecordWith returns a valid CSV record with another cell in one column.
func RecordWith(column, cell string) string {
	cells := strings.Split(EventID(2)+",2,,view,7,lamp,home,12.50,1,2026-01-02T03:04:05Z", ",")
	for i, name := range strings.Split(Header, ",") {
		if name == column {
			cells[i] = cell
		}
	}
	return strings.Join(cells, ",")
}
