package csvrows

import (
	"fmt"
	"slices"
	"strings"
)

// Drift is how a header differs from Options.ExpectedHeaders.
type Drift struct {
	// Missing are expected and not in the header, Extra the other way round, each in the order of its list.
	Missing, Extra []string
	// Reordered reports that the columns that both have stand in another order.
	Reordered bool
}

// None reports that there is no difference.
func (d Drift) None() bool { return len(d.Missing) == 0 && len(d.Extra) == 0 && !d.Reordered }

// String returns the difference in words, such as `lacks "price"; has "colour" besides; has another order`.
func (d Drift) String() string {
	var parts []string
	if len(d.Missing) > 0 {
		parts = append(parts, "lacks "+quoteNames(d.Missing))
	}
	if len(d.Extra) > 0 {
		parts = append(parts, "has "+quoteNames(d.Extra)+" besides")
	}
	if d.Reordered {
		parts = append(parts, "has another order")
	}
	return strings.Join(parts, "; ")
}

// mostNames bounds the names in a message.
const mostNames = 10

func quoteNames(names []string) string {
	var b strings.Builder
	for i, name := range names[:min(len(names), mostNames)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(`"` + shown(name) + `"`)
	}
	if n := len(names) - mostNames; n > 0 {
		fmt.Fprintf(&b, " and %d more", n)
	}
	return b.String()
}

func compare(header, expected []string) Drift {
	var d Drift
	var both []string
	for _, name := range expected {
		if slices.Contains(header, name) {
			both = append(both, name)
		} else {
			d.Missing = append(d.Missing, name)
		}
	}
	i := 0
	for _, name := range header {
		switch {
		case !slices.Contains(expected, name):
			d.Extra = append(d.Extra, name)
		case name != both[i]:
			d.Reordered = true
			i++
		default:
			i++
		}
	}
	return d
}

func unreadable(err error) *HeaderError {
	return &HeaderError{Reason: fmt.Sprintf("the header cannot be read: %v", err)}
}

// nameColumns returns the names of the columns: those of the header, and column_N where it has none.
func nameColumns(header []string) ([]string, *HeaderError) {
	first := make(map[string]int, len(header))
	empty := 0
	for i, name := range header {
		j, twice := first[name]
		switch {
		case strings.TrimSpace(name) == "":
			empty++
			continue
		case strings.ContainsRune(name, 0):
			return header, &HeaderError{Header: header, Reason: fmt.Sprintf(`the header has NUL bytes, in "%s": the content is no text, or in another encoding`, shown(name))}
		case twice:
			return header, &HeaderError{Header: header, Reason: fmt.Sprintf(`the header has "%s" twice, as column %d and as column %d`, shown(name), j+1, i+1)}
		}
		first[name] = i
	}
	switch empty {
	case 0:
		return header, nil
	case len(header):
		return header, &HeaderError{Header: header, Reason: "the header has no names"}
	}
	names := slices.Clone(header)
	for i, name := range names {
		if strings.TrimSpace(name) != "" {
			continue
		}
		name = fmt.Sprintf("column_%d", i+1)
		for _, taken := first[name]; taken; _, taken = first[name] {
			name += "_"
		}
		names[i], first[name] = name, i
	}
	return names, nil
}

// checkHeader returns why header cannot be used, and how it differs from what is expected.
func checkHeader(header []string, opts Options) (Drift, *HeaderError) {
	problem := func(format string, args ...any) *HeaderError {
		return &HeaderError{Header: header, Reason: fmt.Sprintf(format, args...)}
	}
	if n := opts.ExpectedFields; n > 0 && n != len(header) {
		return Drift{}, problem("the header has %s, but expected_number_of_fields is %d", count(len(header), "column"), n)
	}
	if len(opts.ExpectedHeaders) == 0 {
		return Drift{}, nil
	}
	drift := compare(header, opts.ExpectedHeaders)
	if opts.RejectMissing {
		drift.Reordered = false // any order will do
	}
	switch {
	case len(drift.Missing) == len(opts.ExpectedHeaders):
		return drift, problem("the first record has none of the expected_headers")
	case opts.RejectDrift && !drift.None(), opts.RejectMissing && len(drift.Missing) > 0:
		return drift, problem("the header is not as in expected_headers: it %s", drift)
	}
	return drift, nil
}
