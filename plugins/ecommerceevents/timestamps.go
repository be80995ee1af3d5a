package ecommerceevents

import (
	"strconv"
	"time"
)

// The formats in which clients of a real shop send times. Those without a zone are
// UTC.
const (
	stampRFC3339 = iota
	stampRFC3339Millis
	stampRFC3339Offset
	stampSpace
	stampSpaceMillis
	stampT
	stampTMillis
	stampUnixSeconds
	stampUnixMillis
	stampStyles // the number of styles
)

// stamper formats times. It caches the text of the last second, which consecutive
// events often share.
type stamper struct {
	second int64
	known  bool
	text   [len(secondLayout)]byte
	offset int64 // the same three for the style with an offset
	shown  bool
	local  [len(offsetLayout)]byte
}

const (
	secondLayout = "2006-01-02T15:04:05"
	offsetLayout = "2006-01-02T15:04:05-07:00"
)

var offsetZone = time.FixedZone("", 2*60*60)

// append appends a time in Unix milliseconds, from the year 0 to 9999, in this
// style.
func (s *stamper) append(dst []byte, millis int64, style int) []byte {
	switch style {
	case stampUnixSeconds:
		return strconv.AppendInt(dst, floorDiv(millis, 1000), 10)
	case stampUnixMillis:
		return strconv.AppendInt(dst, millis, 10)
	}
	second := floorDiv(millis, 1000)
	if style == stampRFC3339Offset {
		if !s.shown || s.offset != second {
			time.Unix(second, 0).In(offsetZone).AppendFormat(s.local[:0], offsetLayout)
			s.offset, s.shown = second, true
		}
		return append(dst, s.local[:]...)
	}

	if !s.known || s.second != second {
		time.Unix(second, 0).UTC().AppendFormat(s.text[:0], secondLayout)
		s.second, s.known = second, true
	}
	start := len(dst)
	dst = append(dst, s.text[:]...)
	if style == stampSpace || style == stampSpaceMillis {
		dst[start+len("2006-01-02")] = ' '
	}
	if style == stampRFC3339Millis || style == stampSpaceMillis || style == stampTMillis {
		ms := millis - second*1000
		dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	}
	if style == stampRFC3339 || style == stampRFC3339Millis {
		dst = append(dst, 'Z')
	}
	return dst
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
