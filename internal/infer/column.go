package infer

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

const (
	maxExamples = 2
	maxDistinct = 2_000_000 // cells of a column that are compared to find a key
)

// emptyWords are what exports write for nothing. They count as empty in columns
// that are not text.
var emptyWords = []string{"NULL", "null", "N/A", "n/a", "NA", "#N/A", "NaN", "nan", "None", "none", `\N`, "-", "--"}

// column is what was seen of a column.
type column struct {
	source string // what csv_watch calls it
	name   string // in the table
	place  int    // from 0

	rows, empty int
	kinds       *kinds
	words       map[string]int // emptyWords that occur
	wordRows    int
	first, last string // of the text, in its order
	examples    []string
	spaced      bool // a cell has space around it
	twice       bool // a cell comes again
	seed        maphash.Seed
	seen        map[uint64]struct{}
	counting    bool // seq is as it should be
	next        float64

	choice choice
}

func newColumn(source string, place int) *column {
	return &column{
		source: source, place: place, kinds: newKinds(), words: map[string]int{},
		seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, counting: true,
	}
}

func (c *column) read(cell string) {
	trimmed := strings.TrimSpace(cell)
	c.spaced = c.spaced || len(trimmed) != len(cell)
	c.rows++
	if trimmed == "" {
		c.empty++
		return
	}
	c.remember(trimmed)
	if slices.Contains(emptyWords, trimmed) {
		c.words[trimmed]++
		c.wordRows++
		return
	}
	c.kinds.read(trimmed)
}

// remember keeps what the report shows, and what tells a key.
func (c *column) remember(cell string) {
	if c.first == "" || cell < c.first {
		c.first = strings.Clone(cell)
	}
	if cell > c.last {
		c.last = strings.Clone(cell)
	}
	if len(c.examples) < maxExamples && !slices.Contains(c.examples, cell) {
		c.examples = append(c.examples, strings.Clone(cell))
	}
	if !c.twice && len(c.seen) < maxDistinct {
		sum := maphash.String(c.seed, cell)
		_, c.twice = c.seen[sum]
		c.seen[sum] = struct{}{}
	}
	if c.counting {
		f, ok := numeral(cell)
		c.counting = ok && (f == c.next || len(c.seen) == 1 && f <= 1)
		c.next = f + 1
	}
}

// choice is what a column becomes.
type choice struct {
	sql             string
	required        bool
	steps           func(source string) string // nil: the cell as it is
	smallest        string
	largest         string
	empties         []string // words that count as empty
	remark, unclear string
}

// choose decides for a type. commas reports whether another column has decimal
// commas beyond doubt.
func (c *column) choose(commas bool) {
	ch := c.typed(commas)
	if ch.sql == "text" {
		ch.smallest, ch.largest = c.first, c.last
		ch.required = c.empty == 0 && c.rows > 0
	} else {
		for _, word := range emptyWords {
			if c.words[word] > 0 {
				ch.empties = append(ch.empties, word)
			}
		}
		c.empty += c.wordRows
		ch.required = c.empty == 0
	}
	c.choice = ch
}

func (c *column) typed(commas bool) choice {
	k := c.kinds
	if c.empty+c.wordRows == c.rows {
		ch := choice{sql: "text"}
		if c.wordRows == 0 {
			ch.remark = "has no values, so that its type is open"
		}
		return ch
	}
	switch {
	case k.reads(k.boolean) && k.boolean.evident():
		return c.of(k.boolean, "boolean")
	case k.reads(k.bigint):
		return c.integer()
	case k.reads(k.numeric) && commas && k.reads(k.comma) && k.comma.ambiguous == 0 && len(k.comma.stripped) > 0:
		ch := c.of(k.comma, "numeric")
		ch.steps = k.comma.steps
		ch.unclear = fmt.Sprintf("%q is read as %s, since other columns have decimal commas; it might have a decimal point", c.examples[0], asNumber(k.comma, c.examples[0]))
		return ch
	case k.reads(k.numeric):
		return c.of(k.numeric, "numeric")
	case k.reads(k.point) || k.reads(k.comma):
		return c.number(commas)
	case k.reads(k.uuid):
		return c.of(k.uuid, "uuid")
	case k.reads(k.date):
		return c.of(k.date, "date")
	case k.reads(k.timestamp):
		return c.of(k.timestamp, "timestamp")
	case k.reads(k.timestamptz):
		return c.of(k.timestamptz, "timestamptz")
	case k.reads(k.dayFirst) || k.reads(k.monthFirst):
		return c.calendar()
	case k.reads(k.anyTime):
		ch := c.of(k.anyTime, "timestamptz")
		ch.steps = autoTime
		if !k.anyTime.zoned {
			ch.sql = "timestamp"
		} else if k.anyTime.local {
			ch.remark = "has times with and without a time zone: those without are taken for UTC"
		}
		return ch
	case k.reads(k.clock):
		return c.of(k.clock, "time")
	case k.reads(k.json):
		return c.of(k.json, "jsonb")
	}
	for _, w := range k.words {
		if k.reads(w) && w.yes && w.no {
			ch := c.of(w, "boolean")
			ch.steps = w.steps
			return ch
		}
	}
	return choice{sql: "text"}
}

// of is a choice with the bounds that the kind saw.
func (c *column) of(one kind, sql string) choice {
	t := c.kinds.tracks[one]
	return choice{sql: sql, smallest: t.minCell, largest: t.maxCell}
}

// integer is bigint, or a time if the name says so.
func (c *column) integer() choice {
	if c.kinds.reads(c.kinds.unixTime) && timeName.MatchString(c.name) {
		ch := c.of(c.kinds.unixTime, "timestamptz")
		ch.steps = autoTime
		ch.remark = "is read as Unix seconds or milliseconds, by its name"
		return ch
	}
	ch := c.of(c.kinds.bigint, "bigint")
	if c.place == 0 && c.counting && c.source == columnN(0) {
		ch.remark = "has no name and counts the rows: it looks like an index, such as pandas writes"
	} else if ch.smallest == "0" && ch.largest == "1" {
		ch.remark = "has 0 and 1 only: make it boolean in the table if it is yes or no"
	}
	return ch
}

// number chooses between the decimal point and the decimal comma.
func (c *column) number(commas bool) choice {
	k := c.kinds
	one, other := k.point, k.comma
	if k.reads(k.comma) && (!k.reads(k.point) || commas) {
		one, other = k.comma, k.point
	}
	ch := c.of(one, "numeric")
	ch.steps = one.steps
	if k.reads(other) && one.certain+one.ambiguous > 0 && other.ambiguous+one.ambiguous > 0 {
		example := c.ambiguousCell()
		ch.unclear = fmt.Sprintf("%q is read as %s; it might be %s", example, asNumber(one, example), asNumber(other, example))
	}
	return ch
}

// ambiguousCell returns an example with a separator.
func (c *column) ambiguousCell() string {
	for _, cell := range c.examples {
		if strings.ContainsAny(cell, ".,") {
			return cell
		}
	}
	return c.examples[0]
}

func asNumber(n *number, cell string) string {
	copied := number{decimal: n.decimal}
	f, _ := copied.read(cell)
	return fmt.Sprint(f)
}

// calendar chooses between day first and month first.
func (c *column) calendar() choice {
	k := c.kinds
	one := k.dayFirst
	if !k.reads(one) {
		one = k.monthFirst
	}
	sql := "date"
	if one.clock {
		sql = "timestamp"
	}
	ch := c.of(one, sql)
	ch.steps = one.steps
	if k.reads(k.dayFirst) && k.reads(k.monthFirst) {
		ch.unclear = fmt.Sprintf("%q is read as day/month; if the month comes first, write %q in the mapping", c.examples[0], k.monthFirst.layout)
	}
	return ch
}
