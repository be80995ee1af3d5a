package status

import (
	"cmp"
	"regexp"
	"slices"
	"sync"
	"time"
)

const (
	// newestKept is how many rejections are kept with file and row.
	newestKept = 50
	// reasonsKept bounds the reasons that are counted; more are "other".
	reasonsKept = 100
)

// Rejection is one row that was refused.
type Rejection struct {
	At     time.Time `json:"at"`
	Stage  string    `json:"stage"` // parse, mapping or database
	Class  string    `json:"class"` // a word for its reason: type, check, unique, …
	Reason string    `json:"reason"`
	Path   string    `json:"path"`
	Row    int64     `json:"row"`
}

// ReasonCount is how many rows were refused for one kind of reason.
type ReasonCount struct {
	Stage string `json:"stage"`
	Class string `json:"class"`
	Count int64  `json:"count"`
}

// Rejections keep what was refused. The zero value is empty. It is safe for
// concurrent use.
type Rejections struct {
	mu     sync.Mutex
	newest []Rejection // a ring
	next   int
	counts map[ReasonCount]int64 // by Stage and Class; Count is 0 in the key
}

// Rejected notes rows that were refused, in the order in which they were.
func (b *Board) Rejected(rows ...Rejection) {
	now := b.now()
	r := &b.refused
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		row.At = now
		r.add(row)
	}
}

func (r *Rejections) add(row Rejection) {
	key := ReasonCount{Stage: row.Stage, Class: row.Class}
	if _, known := r.counts[key]; !known && len(r.counts) >= reasonsKept {
		key.Class = "other"
	}
	if r.counts == nil {
		r.counts = map[ReasonCount]int64{}
	}
	r.counts[key]++
	if len(r.newest) < newestKept {
		r.newest = append(r.newest, row)
		return
	}
	r.newest[r.next] = row
	r.next = (r.next + 1) % newestKept
}

// list returns the newest rejections, newest first, and the counts, highest
// first.
func (r *Rejections) list(values bool) ([]Rejection, []ReasonCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	newest := make([]Rejection, 0, len(r.newest))
	for i := range r.newest {
		row := r.newest[(r.next-1-i+2*len(r.newest))%len(r.newest)]
		if !values {
			row.Reason = WithoutValues(row.Reason)
		}
		newest = append(newest, row)
	}
	counts := make([]ReasonCount, 0, len(r.counts))
	for key, n := range r.counts {
		key.Count = n
		counts = append(counts, key)
	}
	slices.SortFunc(counts, func(x, y ReasonCount) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Stage, y.Stage), cmp.Compare(x.Class, y.Class))
	})
	return newest, counts
}

var (
	quoted = regexp.MustCompile("(\\b[A-Za-z]+ )?(\"(?:[^\"\\\\]|\\\\.)*\"?|'(?:[^'\\\\]|\\\\.)*'?|`[^`]*`?)")
	keyed  = regexp.MustCompile(`=\([^)]*\)?`)
)

// named are the words after which a quoted text is a name of the schema or of
// the configuration and no value.
var named = map[string]bool{
	"column ": true, "columns ": true, "constraint ": true, "relation ": true, "table ": true, "type ": true,
	"domain ": true, "index ": true, "field ": true, "schema ": true, "or ": true,
}

// WithoutValues replaces by … what a reason quotes of a row, which may be
// personal data. Names of columns and constraints stay.
func WithoutValues(reason string) string {
	reason = quoted.ReplaceAllStringFunc(reason, func(match string) string {
		word := quoted.FindStringSubmatch(match)[1]
		if named[word] {
			return match
		}
		return word + "…"
	})
	return keyed.ReplaceAllString(reason, "=(…)")
}
