//go:build unix

package chaos

import (
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// writer writes events to files as shops do: it appends to several at once, sometimes
// half a record; it rotates, renames and finishes them, and truncates files that were
// read. Only write's goroutine uses it until that ends.
type writer struct {
	c    *chaos
	rand *rand.Rand

	contents []*content
	active   []*content // those that still grow
	rows     []row      // by number
	bad      int
	done     map[string]int
	mayPause bool // within a record
}

// content is what a file contains, from the header on. A truncated file gets another
// content.
type content struct {
	number int
	path   string // its current path
	rows   int
	bad    int
}

// row is a written record.
type row struct {
	content *content
	row     int // in the content, from 1
	bad     bool
}

func newWriter(c *chaos) *writer {
	return &writer{c: c, rand: rand.New(rand.NewPCG(c.seed, 2)), done: map[string]int{}, mayPause: true}
}

// String summarizes what was written.
func (w *writer) String() string {
	return fmt.Sprintf("%d rows, %d of them bad, in %d files (%d rotated, %d renamed, %d emptied)",
		len(w.rows), w.bad, len(w.contents), w.done["rotate"], w.done["rename"], w.done["empty"])
}

// totals returns how many rows should be stored and rejected.
func (w *writer) totals() (good, bad int) { return len(w.rows) - w.bad, w.bad }

// write writes until stop is closed, and then finishes every file.
func (w *writer) write(stop <-chan struct{}) error {
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

func (w *writer) step() error {
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

func (w *writer) newContent(path string) *content {
	c := &content{number: len(w.contents), path: path}
	w.contents = append(w.contents, c)
	return c
}

// newPath returns a path that no file has had.
func (w *writer) newPath(ending string) string {
	w.done["name"]++
	return filepath.Join(w.c.site.EventsDir, fmt.Sprintf("f%06d%s", w.done["name"], ending))
}

// create starts a file.
func (w *writer) create() error {
	c := w.newContent(w.newPath(".csv"))
	w.active = append(w.active, c)
	return w.begin(c)
}

func (w *writer) begin(c *content) error {
	text := rig.Header + "\n"
	if w.rand.IntN(2) == 0 {
		text += w.records(c, 1+w.rand.IntN(20))
	}
	return w.put(c, text)
}

func (w *writer) append(c *content, rows int) error { return w.put(c, w.records(c, rows)) }

// put appends text to a file, in one or two parts.
func (w *writer) put(c *content, text string) error {
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

// dropWhole renames a complete compressed file into place.
func (w *writer) dropWhole() error {
	c := w.newContent(w.newPath(".csv.gz"))
	f, err := os.Create(c.path + ".tmp")
	if err != nil {
		return err
	}
	defer f.Close()
	z := gzip.NewWriter(f)
	if _, err := z.Write([]byte(rig.Header + "\n" + w.records(c, 1+w.rand.IntN(60)))); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), c.path)
}

// rotate renames a file and starts another one under its name. Half of the time the
// program that writes still has the old file open, and appends to it.
func (w *writer) rotate(c *content) error {
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

// rename renames a file, which still grows.
func (w *writer) rename(c *content) error {
	w.done["rename"]++
	return w.move(c, ".csv")
}

func (w *writer) move(c *content, ending string) error {
	to := w.newPath(ending)
	if err := os.Rename(c.path, to); err != nil {
		return err
	}
	c.path = to
	return nil
}

// finish writes the last records of a file, half of the time without the final line end.
func (w *writer) finish(c *content) error {
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

func (w *writer) retire(c *content) {
	for i := range w.active {
		if w.active[i] == c {
			w.active = append(w.active[:i], w.active[i+1:]...)
			return
		}
	}
}

// empty truncates a file and writes it from the start, as copytruncate does, once all
// of it was read. Otherwise rows would be lost whatever the reader does.
func (w *writer) empty(c *content) error {
	read, err := w.c.site.DB.Value(fmt.Sprintf(`SELECT count(*) + (SELECT count(*) FROM rejected_events WHERE raw ~ ' c%d\M') = %d FROM %s WHERE product_id = %d`,
		c.number, c.rows, w.c.mode.table, c.number))
	if err != nil || read != "true" {
		return nil // the server may be down
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

// records returns n more records of a content, of which about 1 % are bad.
func (w *writer) records(c *content, n int) string {
	var b strings.Builder
	for range n {
		c.rows++
		number := len(w.rows)
		bad := w.rand.IntN(100) == 0
		w.rows = append(w.rows, row{c, c.rows, bad})
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
			fmt.Fprintf(&b, "%s,%d,,View,%d,%s,home,12.50,1,2026-01-02T03:04:05Z", rig.EventID(number), number, c.number, name)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// spoil returns a record that cannot be stored, for one of seven reasons.
func spoil(how, number, content int) string {
	id, user, name, price, at := rig.EventID(number), fmt.Sprint(number), fmt.Sprintf("r%d c%d", number, content), "12.50", "2026-01-02T03:04:05Z"
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
