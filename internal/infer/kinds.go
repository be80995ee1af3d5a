package infer

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ecommerce-ingest/connect/internal/timetext"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/valuecheck"
)

// kind is one way to read the cells of a column. It sees every cell as long as it
// can read them all.
type kind interface {
	// read returns a number by which the cells are ordered; false if the kind
	// cannot read the cell.
	read(cell string) (order float64, ok bool)
}

// plain is a type that postgres_copy reads by itself.
type plain struct {
	sql    string
	stores func(string) bool
	order  func(string) (float64, bool)
}

func (p *plain) read(cell string) (float64, bool) {
	if !p.stores(cell) {
		return 0, false
	}
	return p.order(cell)
}

func newPlain(sql, typeName string, order func(string) (float64, bool)) *plain {
	return &plain{sql: sql, stores: valuecheck.For(typeName), order: order}
}

// numeral orders digits. It refuses what is rather a code: 007, +49 30, 1e5.
func numeral(cell string) (float64, bool) {
	digits := strings.TrimPrefix(cell, "-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] != '.' {
		return 0, false
	}
	if strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(cell, 64)
	return f, err == nil
}

func unordered(string) (float64, bool) { return 0, true }

func timeOrder(cell string) (float64, bool) {
	t, err := timetext.Parse(cell, time.UTC)
	if err != nil || !strings.ContainsAny(cell, "-/") {
		return 0, false // PostgreSQL reads 20260102 too, which is rather a number
	}
	return float64(t.UnixMicro()), true
}

// boolean is yes or no as PostgreSQL reads it, except 1 and 0.
type boolean struct {
	stores  func(string) bool
	yes, no bool
	words   bool // a word longer than a letter
}

func (b *boolean) read(cell string) (float64, bool) {
	if !b.stores(cell) || cell == "1" || cell == "0" {
		return 0, false
	}
	b.words = b.words || len(cell) > 1
	if strings.ContainsRune("tTyY", rune(cell[0])) || strings.EqualFold(cell, "on") {
		b.yes = true
		return 1, true
	}
	b.no = true
	return 0, true
}

// evident reports whether the letters may not just as well be codes.
func (b *boolean) evident() bool { return b.words || b.yes && b.no }

// wordPairs are yes and no in the languages of exports that PostgreSQL does not read.
var wordPairs = [][2]string{{"ja", "nein"}, {"j", "n"}, {"oui", "non"}, {"o", "n"}, {"sí", "no"}, {"si", "no"}, {"sì", "no"}, {"wahr", "falsch"}, {"vrai", "faux"}, {"tak", "nie"}}

// wordPair is yes and no in one language.
type wordPair struct {
	pair    [2]string
	yes, no bool
}

func (w *wordPair) read(cell string) (float64, bool) {
	switch strings.ToLower(cell) {
	case w.pair[0]:
		w.yes = true
		return 1, true
	case w.pair[1]:
		w.no = true
		return 0, true
	}
	return 0, false
}

// number is a number with a decimal point or comma, which may have thousands
// separators and a sign of currency.
type number struct {
	decimal   byte
	stripped  []string // what stands among the digits and is no part of the number
	decimals  bool     // a cell has decimals
	ambiguous int      // cells in which the decimal sign could be a thousands separator
	certain   int      // cells in which it could not
}

var numberForm = regexp.MustCompile(`^([£$€¥] ?)?(-?)([£$€¥] ?)?(\d{1,3}(?:[ '.,\x{a0}\x{202f}]\d{3})+|\d+)?([.,]\d+)?( ?[£$€¥])?$`)

func (n *number) read(cell string) (float64, bool) {
	m := numberForm.FindStringSubmatch(cell)
	if m == nil || m[4]+m[5] == "" {
		return 0, false
	}
	whole, fraction := m[4], m[5]
	if at := strings.IndexByte(whole, n.decimal); fraction == "" && at >= 0 {
		whole, fraction = whole[:at], whole[at:]
	}
	group := strings.TrimLeft(whole, "0123456789")
	if group != "" {
		_, size := utf8.DecodeRuneInString(group)
		group = group[:size]
	}
	digits := strings.ReplaceAll(whole, group, "")
	if group == "" {
		digits = whole
	}
	switch {
	case fraction != "" && (fraction[0] != n.decimal || strings.Trim(fraction[1:], "0123456789") != ""),
		len(whole) > 1 && whole[0] == '0', strings.Trim(digits, "0123456789") != "":
		return 0, false
	}
	if fraction != "" {
		n.decimals = true
		if len(fraction) == 4 && group == "" && len(whole) < 4 && whole != "" && whole != "0" {
			n.ambiguous++
		} else {
			n.certain++
		}
	} else if group != "" {
		n.certain++
	}
	for _, s := range []string{m[1], m[3], group, m[6]} {
		for _, r := range s {
			if !slices.Contains(n.stripped, string(r)) {
				n.stripped = append(n.stripped, string(r))
			}
		}
	}
	digits = m[2] + digits
	if fraction != "" {
		digits += "." + fraction[1:]
	}
	f, err := strconv.ParseFloat(digits, 64)
	return f, err == nil
}

// calendar is a date that begins with its day or month, all in one form.
type calendar struct {
	monthFirst bool
	layout     string // for ts_strptime, once a cell was seen
	clock      bool
}

var calendarForm = regexp.MustCompile(`^(\d{1,2})([./-])(\d{1,2})([./-])(\d{4}|\d{2})(?:([ T])(\d{1,2}):(\d{2})(:\d{2})?( ?[AaPp][Mm])?)?$`)

func (c *calendar) read(cell string) (float64, bool) {
	m := calendarForm.FindStringSubmatch(cell)
	if m == nil || m[2] != m[4] || c.monthFirst && m[2] == "." {
		return 0, false
	}
	names := [2]string{"%d", "%m"}
	day, month := atoi(m[1]), atoi(m[3])
	if c.monthFirst {
		names = [2]string{"%m", "%d"}
		day, month = month, day
	}
	year, yearName := atoi(m[5]), "%Y"
	if len(m[5]) == 2 {
		yearName = "%y"
		year += 2000
		if year > 2068 {
			year -= 100
		}
	}
	layout := names[0] + m[2] + names[1] + m[2] + yearName
	hour, minute, second := atoi(m[7]), atoi(m[8]), 0
	if m[7] != "" {
		hourName := "%H"
		if m[10] != "" {
			hourName = "%I"
		}
		layout += m[6] + hourName + ":%M"
		if m[9] != "" {
			layout += ":%S"
			second = atoi(m[9][1:])
		}
		if m[10] != "" {
			layout += m[10][:len(m[10])-2] + "%p"
			if hour > 12 || hour == 0 {
				return 0, false
			}
			hour %= 12
			if strings.ContainsAny(m[10], "pP") {
				hour += 12
			}
		}
	}
	if c.layout == "" {
		c.layout, c.clock = layout, m[7] != ""
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	ok := c.layout == layout && month <= 12 && t.Day() == day && hour < 24 && minute < 60 && second < 60
	return float64(t.Unix()), ok
}

// anyTime is what ts_parse_auto reads, except Unix time.
type anyTime struct{ zoned, local bool }

func (a *anyTime) read(cell string) (float64, bool) {
	t, err := timetext.Parse(cell, time.UTC)
	if hasZone(cell) {
		a.zoned = true
	} else {
		a.local = true
	}
	return float64(t.UnixMicro()), err == nil && strings.ContainsAny(cell, "-/")
}

// unixTime is seconds or milliseconds since 1970, from 2000 to 2100.
type unixTime struct{}

func (unixTime) read(cell string) (float64, bool) {
	t, err := timetext.Parse(cell, time.UTC)
	return float64(t.UnixMicro()), err == nil && !strings.ContainsAny(cell, "-/:") && t.Year() >= 2000 && t.Year() < 2100
}

func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// kinds are the ways to read a column.
type kinds struct {
	boolean                                                    *boolean
	bigint, numeric, uuid, date, timestamp, timestamptz, clock *plain
	json                                                       *plain
	point, comma                                               *number
	dayFirst, monthFirst                                       *calendar
	anyTime                                                    *anyTime
	unixTime                                                   *unixTime
	words                                                      []*wordPair
	tracks                                                     map[kind]*track
	order                                                      []kind
}

// track is how far a kind came with a column.
type track struct {
	failed           bool
	min, max         float64
	minCell, maxCell string
}

func newKinds() *kinds {
	k := &kinds{
		boolean:     &boolean{stores: valuecheck.For("bool")},
		bigint:      newPlain("bigint", "int8", numeral),
		numeric:     newPlain("numeric", "numeric", numeral),
		uuid:        newPlain("uuid", "uuid", unordered),
		date:        newPlain("date", "date", dateOnly),
		timestamp:   newPlain("timestamp", "timestamp", localTime),
		timestamptz: newPlain("timestamptz", "timestamptz", zonedTime),
		clock:       newPlain("time", "time", timeOfDay),
		json:        newPlain("jsonb", "jsonb", container),
		point:       &number{decimal: '.'},
		comma:       &number{decimal: ','},
		dayFirst:    &calendar{},
		monthFirst:  &calendar{monthFirst: true},
		anyTime:     &anyTime{},
		unixTime:    &unixTime{},
	}
	k.order = []kind{k.boolean, k.bigint, k.numeric, k.uuid, k.date, k.timestamp, k.timestamptz, k.clock, k.json, k.point, k.comma, k.dayFirst, k.monthFirst, k.anyTime, k.unixTime}
	for _, pair := range wordPairs {
		w := &wordPair{pair: pair}
		k.words = append(k.words, w)
		k.order = append(k.order, w)
	}
	k.tracks = make(map[kind]*track, len(k.order))
	for _, one := range k.order {
		k.tracks[one] = &track{min: math.Inf(1), max: math.Inf(-1)}
	}
	return k
}

func (k *kinds) read(cell string) {
	for _, one := range k.order {
		t := k.tracks[one]
		if t.failed {
			continue
		}
		order, ok := one.read(cell)
		if !ok {
			t.failed = true
			continue
		}
		if order < t.min {
			t.min, t.minCell = order, strings.Clone(cell)
		}
		if order > t.max {
			t.max, t.maxCell = order, strings.Clone(cell)
		}
	}
}

// reads reports whether a kind has read every cell so far.
func (k *kinds) reads(one kind) bool { return !k.tracks[one].failed }

func dateOnly(cell string) (float64, bool) {
	order, ok := timeOrder(cell)
	return order, ok && !strings.Contains(cell, ":")
}

var zoneForm = regexp.MustCompile(`(?i)(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)$`)

func hasZone(cell string) bool {
	_, clock, ok := strings.Cut(cell, ":")
	return ok && zoneForm.MatchString(clock)
}

func localTime(cell string) (float64, bool) {
	order, ok := timeOrder(cell)
	return order, ok && strings.Contains(cell, ":") && !hasZone(cell)
}

func zonedTime(cell string) (float64, bool) {
	order, ok := timeOrder(cell)
	return order, ok && hasZone(cell)
}

func timeOfDay(cell string) (float64, bool) {
	t, err := timetext.Parse("2000-01-01 "+cell, time.UTC)
	return float64(t.UnixMicro()), err == nil
}

func container(cell string) (float64, bool) {
	return 0, strings.HasPrefix(cell, "{") || strings.HasPrefix(cell, "[")
}

// isTyped reports whether a cell by itself is a number, a time or a UUID.
func isTyped(cell string) bool {
	k := newKinds()
	k.read(cell)
	return slices.ContainsFunc([]kind{k.bigint, k.numeric, k.uuid, k.point, k.comma, k.dayFirst, k.monthFirst, k.anyTime, k.clock}, k.reads)
}
