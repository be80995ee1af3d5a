package pgvalue

import (
	"math"
	"strings"
)

const errNotArray = reason("not an array; PostgreSQL writes them as {1,2,NULL}")

// arrayText reads PostgreSQL's {…} form of an array.
type arrayText struct {
	enc     *arrayEncoder
	s       string // what is still to be read
	shape   shape
	known   [maxDimensions]bool // lengths that an earlier pair of braces gave
	items   int
	scratch []byte // a quoted item without its escapes
}

func (e *arrayEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	r := arrayText{enc: e, s: trimSpace(s)}
	declared, err := r.bounds()
	if err != nil {
		return dst, err
	}
	depth := r.depth()
	if depth == 0 || (declared > 0 && declared != depth) {
		return dst, errNotArray
	}
	if depth > maxDimensions {
		return dst, errTooDeep
	}
	if inner, _ := skipSpaces(r.s[1:]); depth == 1 && inner == "}" && declared == 0 {
		return e.header(dst, 0), nil
	}
	bounds := r.shape.lengths
	r.shape.count = depth
	at := len(dst)
	dst, err = r.dimension(e.header(dst, depth), 0)
	if err != nil {
		return dst, err
	}
	if r.s != "" {
		return dst, errNotArray
	}
	for i := range depth {
		if declared == 0 {
			r.shape.lower[i] = 1
		} else if bounds[i] != r.shape.lengths[i] {
			return dst, reason("its items do not fill the bounds before them")
		}
	}
	return dst, r.shape.fill(dst[at:])
}

// bounds reads [2:4][0:1]= before the braces.
func (r *arrayText) bounds() (count int, err error) {
	for strings.HasPrefix(r.s, "[") {
		if count == maxDimensions {
			return 0, errTooDeep
		}
		bound, rest, ok := strings.Cut(r.s[1:], "]")
		if !ok {
			return 0, errNotArray
		}
		from, to, two := strings.Cut(bound, ":")
		if !two {
			from, to = "1", bound
		}
		lower, err1 := parseInteger(from)
		upper, err2 := parseInteger(to)
		if err1 != nil || err2 != nil || lower < math.MinInt32 || upper >= math.MaxInt32 || upper < lower || upper-lower >= math.MaxInt32 {
			return 0, errNotArray
		}
		r.shape.lower[count], r.shape.lengths[count] = int32(lower), int32(upper-lower+1)
		count++
		r.s = rest
	}
	if count > 0 {
		if !strings.HasPrefix(r.s, "={") {
			return 0, errNotArray
		}
		r.s = r.s[1:]
	}
	return count, nil
}

// depth counts the braces at the start.
func (r *arrayText) depth() int {
	depth := 0
	for s := r.s; strings.HasPrefix(s, "{"); depth++ {
		s, _ = skipSpaces(s[1:])
	}
	return depth
}

// dimension reads one pair of braces and what is within.
func (r *arrayText) dimension(dst []byte, dimension int) ([]byte, error) {
	length := int32(0)
	r.s = r.s[1:] // the brace
	for {
		r.s, _ = skipSpaces(r.s)
		if r.s == "" {
			return dst, errNotArray
		}
		var err error
		switch leaf := dimension+1 == r.shape.count; {
		case r.s[0] == '{' && leaf:
			return dst, errNotRectangular
		case r.s[0] == '{':
			dst, err = r.dimension(dst, dimension+1)
		case !leaf:
			return dst, errNotRectangular
		default:
			dst, err = r.item(dst)
		}
		if err != nil {
			return dst, err
		}
		length++
		r.s, _ = skipSpaces(r.s)
		if r.s == "" {
			return dst, errNotArray
		}
		c := r.s[0]
		r.s = r.s[1:]
		if c == '}' {
			break
		}
		if c != r.enc.delimiter {
			return dst, errNotArray
		}
	}
	if !r.known[dimension] {
		r.known[dimension], r.shape.lengths[dimension] = true, length
	} else if r.shape.lengths[dimension] != length {
		return dst, errNotRectangular
	}
	return dst, nil
}

// item reads one item, quoted or not.
func (r *arrayText) item(dst []byte) ([]byte, error) {
	r.items++
	var item string
	if r.s[0] == '"' {
		var ok bool
		if item, ok = r.quoted(); !ok {
			return dst, errNotArray
		}
	} else {
		end := 0
		for end < len(r.s) && r.s[end] != r.enc.delimiter && r.s[end] != '}' {
			if c := r.s[end]; c == '{' || c == '"' || c == '\\' {
				return dst, errNotArray
			}
			end++
		}
		item = trimSpace(r.s[:end])
		r.s = r.s[end:]
		if item == "" {
			return dst, errNotArray
		}
		if equalFold(item, "null") {
			r.shape.nulls = true
			return appendInt32(dst, -1), nil
		}
	}
	dst, err := appendTextField(dst, r.enc.element, item)
	if err != nil {
		return dst, itemError{r.items, err}
	}
	return dst, nil
}

// quoted reads an item in double quotes, a backslash before any character.
func (r *arrayText) quoted() (item string, ok bool) {
	r.scratch = r.scratch[:0]
	for i := 1; i < len(r.s); i++ {
		switch r.s[i] {
		case '"':
			r.s = r.s[i+1:]
			return view(r.scratch), true
		case '\\':
			if i++; i == len(r.s) {
				return "", false
			}
		}
		r.scratch = append(r.scratch, r.s[i])
	}
	return "", false
}
