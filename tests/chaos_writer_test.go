//go:build unix

package tests

import (
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// chaosWriter is a shop that writes its events to files as shops do: it appends
// to several at once, a record in two parts now and then, rotates, renames and
// finishes them, and starts a file that was read over from nothing.
type chaosWriter struct {
	c    *chaos
	rand *rand.Rand

	contents []*chaosContent
	active   []*chaosContent // those that still grow
	rows     []chaosRow      // by number
	bad      int
	done     map[string]int
	mayPause bool // between two parts of a record
}

// chaosContent is what a file holds from its header on. A file that is emptied
// and written anew holds another.
type chaosContent struct {
	number int
	path   string // where it is now
	rows   int
	bad    int
}

// chaosRow is a record that was written.
type chaosRow struct {
	content *chaosContent
	row     int // in the content, from 1
	bad     bool
}

func newChaosWriter(c *chaos) *chaosWriter {
	return &chaosWriter{c: c, rand: rand.New(rand.NewPCG(c.seed, 2)), done: map[string]int{}, mayPause: true}
}

// String tells what was written.
func (w *chaosWriter) String() string {
	return fmt.Sprintf("%d rows, %d of them bad, in %d files (%d rotated, %d renamed, %d emptied)",
		len(w.rows), w.bad, len(w.contents), w.done["rotate"], w.done["rename"], w.done["empty"])
}

// totals are how many rows should be stored, and how many rejected.
func (w *chaosWriter) totals() (good, bad int) { return len(w.rows) - w.bad, w.bad }

// write writes until stop is closed, and then ends every file.
func (w *chaosWriter) write(stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			w.mayPause = false
			for len(w.active) > 0 {
				if err := w.finish(w.active[0]); err != nil {
					return err
				}
			}
			return nil
		case <-time.After(time.Duration(2+w.rand.IntN(14)) * time.Millisecond):
		}
		if err := w.step(); err != nil {
			return err
		}
	}
}

func (w *chaosWriter) step() error {
	if len(w.active) == 0 {
		return w.create()
	}
	c := w.active[w.rand.IntN(len(w.active))]
	switch n := w.rand.IntN(100); {
	case n < 4 && len(w.active) < 8:
		return w.create()
	case n < 7:
		return w.dropWhole()
	case n < 10:
		return w.rotate(c)
	case n < 14:
		return w.rename(c)
	case n < 17:
		return w.finish(c)
	case n < 19:
		return w.empty(c)
	}
	return w.append(c, 1+w.rand.IntN(40))
}

func (w *chaosWriter) newContent(path string) *chaosContent {
	c := &chaosContent{number: len(w.contents), path: path}
	w.contents = append(w.contents, c)
	return c
}

// newPath is a name that no file has had.
func (w *chaosWriter) newPath(ending string) string {
	w.done["name"]++
	return filepath.Join(w.c.site.events, fmt.Sprintf("f%06d%s", w.done["name"], ending))
}

// create begins a file, with a header, a part of it, or nothing yet.
func (w *chaosWriter) create() error {
	c := w.newContent(w.newPath(".csv"))
	w.active = append(w.active, c)
	return w.begin(c)
}

func (w *chaosWriter) begin(c *chaosContent) error {
	text := header + "\n"
	if w.rand.IntN(2) == 0 {
		text += w.records(c, 1+w.rand.IntN(20))
	}
	return w.put(c, text)
}

func (w *chaosWriter) append(c *chaosContent, rows int) error { return w.put(c, w.records(c, rows)) }

// put appends text to a file, at once or in two parts.
func (w *chaosWriter) put(c *chaosContent, text string) error {
	f, err := os.OpenFile(c.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if at, pause := w.rand.IntN(len(text)), time.Duration(w.rand.IntN(15))*time.Millisecond; w.rand.IntN(4) == 0 && w.mayPause {
		if _, err := f.WriteString(text[:at]); err != nil {
			return err
		}
		time.Sleep(pause)
		text = text[at:]
	}
	_, err = f.WriteString(text)
	return err
}

// dropWhole lets a compressed file appear, whole.
func (w *chaosWriter) dropWhole() error {
	c := w.newContent(w.newPath(".csv.gz"))
	f, err := os.Create(c.path + ".tmp")
	if err != nil {
		return err
	}
	defer f.Close()
	z := gzip.NewWriter(f)
	if _, err := z.Write([]byte(header + "\n" + w.records(c, 1+w.rand.IntN(60)))); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), c.path)
}

// rotate gives a file another name and begins a new one under its own. What was
// still to be written to the old one follows now.
func (w *chaosWriter) rotate(c *chaosContent) error {
	w.done["rotate"]++
	path := c.path
	if err := w.move(c, ".old.csv"); err != nil {
		return err
	}
	next := w.newContent(path)
	w.active = append(w.active, next)
	if err := w.begin(next); err != nil {
		return err
	}
	if w.rand.IntN(2) == 0 {
		if err := w.append(c, 1+w.rand.IntN(10)); err != nil {
			return err
		}
	}
	w.retire(c)
	return nil
}

// rename gives a file another name under which it goes on growing.
func (w *chaosWriter) rename(c *chaosContent) error {
	w.done["rename"]++
	return w.move(c, ".csv")
}

func (w *chaosWriter) move(c *chaosContent, ending string) error {
	to := w.newPath(ending)
	if err := os.Rename(c.path, to); err != nil {
		return err
	}
	c.path = to
	return nil
}

// finish writes the last records of a file, the very last without a line end.
func (w *chaosWriter) finish(c *chaosContent) error {
	w.retire(c)
	text := w.records(c, 1+w.rand.IntN(10))
	if w.rand.IntN(2) == 0 {
		text = strings.TrimSuffix(text, "\n")
	}
	if err := w.put(c, text); err != nil || w.rand.IntN(3) > 0 {
		return err
	}
	return w.rename(c)
}

func (w *chaosWriter) retire(c *chaosContent) {
	for i := range w.active {
		if w.active[i] == c {
			w.active = append(w.active[:i], w.active[i+1:]...)
			return
		}
	}
}

// empty truncates a file and writes it anew, as copytruncate does, provided
// that all of it was read: what was not would be lost whoever reads.
func (w *chaosWriter) empty(c *chaosContent) error {
	read, err := w.c.site.db.ask(fmt.Sprintf(`SELECT count(*) + (SELECT count(*) FROM rejected_events WHERE raw ~ ' c%d\M') = %d FROM %s WHERE product_id = %d`,
		c.number, c.rows, w.c.mode.table, c.number))
	if err != nil || read != "true" {
		return nil // it may be down
	}
	w.done["empty"]++
	w.retire(c)
	if err := os.Truncate(c.path, 0); err != nil {
		return err
	}
	next := w.newContent(c.path)
	c.path += " (emptied since)"
	w.active = append(w.active, next)
	return w.begin(next)
}

// records makes so many more records of a content, about one in a hundred bad.
func (w *chaosWriter) records(c *chaosContent, n int) string {
	var b strings.Builder
	for range n {
		c.rows++
		number := len(w.rows)
		bad := w.rand.IntN(100) == 0
		w.rows = append(w.rows, chaosRow{c, c.rows, bad})
		if bad {
			c.bad++
			w.bad++
			b.WriteString(spoil(w.rand.IntN(7), number, c.number))
		} else {
			name := fmt.Sprintf("r%d c%d", number, c.number)
			switch w.rand.IntN(10) {
			case 0:
				name = `"Lamp, ""big"" ` + name + `"`
			case 1:
				name = "\"Lamp\n" + name + `, of two lines"`
			}
			fmt.Fprintf(&b, "%s,%d,,View,%d,%s,home,12.50,1,2026-01-02T03:04:05Z", eventID(number), number, c.number, name)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// spoil is a record that cannot be stored, for one of seven reasons.
func spoil(how, number, content int) string {
	id, user, name, price, at := eventID(number), fmt.Sprint(number), fmt.Sprintf("r%d c%d", number, content), "12.50", "2026-01-02T03:04:05Z"
	switch how {
	case 0:
		id = "x" + id[1:]
	case 1:
		user += "?"
	case 2:
		name = `"Lamp" ` + name // a quote in the wrong place
	case 3:
		price = "abc"
	case 4:
		price = "-1"
	case 5:
		at += ",one cell too many"
	case 6:
		at = "yesterday"
	}
	return fmt.Sprintf("%s,%s,,View,%d,%s,home,%s,1,%s", id, user, content, name, price, at)
}
