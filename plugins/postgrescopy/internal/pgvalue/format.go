package pgvalue

import (
	"fmt"
	"strings"
)

// What an interval's modifier holds: the fields kept, and the digits of seconds.
const (
	intervalFullRange     = 0x7fff
	intervalFullPrecision = 0xffff
)

// formatType spells a type as format_type does, for the modifiers known here.
func formatType(info *typeInfo, typmod int32) string {
	if typmod < 0 {
		return info.formatted
	}
	if element, ok := strings.CutSuffix(info.formatted, "[]"); ok && info.element != 0 {
		return withModifier(element, typmod) + "[]"
	}
	if !info.builtin {
		return info.formatted
	}
	return withModifier(info.formatted, typmod)
}

func withModifier(name string, typmod int32) string {
	switch name {
	case "character varying", "character":
		return fmt.Sprintf("%s(%d)", name, typmod-4)
	case "bit", "bit varying":
		return fmt.Sprintf("%s(%d)", name, typmod)
	case "numeric":
		e := newNumericEncoder(typmod)
		return fmt.Sprintf("numeric(%d,%d)", e.precision, e.scale)
	case "interval":
		return "interval" + intervalModifier(typmod)
	}
	for _, kind := range []string{"timestamp", "time"} {
		if zone, ok := strings.CutPrefix(name, kind+" with"); ok { // with or without time zone
			return fmt.Sprintf("%s(%d) with%s", kind, typmod, zone)
		}
	}
	return name
}

// intervalModifier spells the fields and the precision of an interval column.
func intervalModifier(typmod int32) string {
	var kept []string
	fields := typmod >> 16 & intervalFullRange
	if fields != intervalFullRange {
		for _, f := range []struct {
			bit  int
			name string
		}{{2, "year"}, {1, "month"}, {3, "day"}, {10, "hour"}, {11, "minute"}, {12, "second"}} {
			if fields&(1<<f.bit) != 0 {
				kept = append(kept, f.name)
			}
		}
	}
	s := ""
	switch n := len(kept); {
	case n == 1:
		s = " " + kept[0]
	case n > 1:
		s = " " + kept[0] + " to " + kept[n-1]
	}
	if precision := typmod & intervalFullPrecision; precision != intervalFullPrecision {
		s += fmt.Sprintf("(%d)", precision)
	}
	return s
}
