package ledger

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// overlapMark begins what MarkStatement fails on when another transaction has dealt
// with one of the offsets meanwhile, as people will find it in the server's log.
const overlapMark = "postgres_copy: another transaction has written some of these offsets, so they are looked up: rows of the ledger: "

// IsOverlap reports whether err is that failure.
func IsOverlap(err error) bool {
	pgErr, ok := pgerr.As(err)
	return ok && strings.Contains(pgErr.Message, overlapMark)
}

// unless returns the beginning of a query that fails unless a condition holds. It
// casts a text to a number, since a DO block, which could raise an error of its
// own, takes three times as long. The detail must not be a constant: the planner
// would cast it at once.
func unless(condition, detail string) string {
	return `SELECT CASE WHEN ` + condition + ` THEN 0 ELSE (` + sqltext.Literal(overlapMark) + `||` + detail + `)::int4 END`
}

// MarkStatement returns the statements that enter the marks into the ledger. They
// fail, and with them the transaction, when an offset is there already. They are
// the last before COMMIT, so that batches of one channel wait for each other's
// COMMIT only and not for each other's COPY. The first one locks the channels, in
// the order of the primary key, so that the others see all that was marked.
func (l *Ledger) MarkStatement(m Marks) string {
	if len(m.channels) == 0 {
		return ""
	}
	withWatermark := slices.DeleteFunc(slices.Clone(m.channels), func(r row) bool { return r.low == noWatermark })
	bitsBelow := slices.ContainsFunc(m.parts, func(r row) bool { return r.low != noWatermark })
	for _, r := range slices.Concat(m.channels, m.parts) {
		l.churn.Add(int64(len(r.offsets) + len(r.bits)))
	}
	statements := []string{l.markRows(m.channels, !bitsBelow)}
	if len(withWatermark) > 0 {
		statements = append(statements, l.checkParts(withWatermark))
	}
	if len(m.parts) > 0 {
		statements = append(statements, l.markRows(m.parts, false))
	}
	if bitsBelow {
		statements = append(statements, l.mergeBelowWatermark(withWatermark))
	}
	return strings.Join(statements, "; ")
}

// zero is a bitmap without a bit.
const zero = "B'0'::bit(4096)"

// toBits returns those of the offsets that lie in a part as a bitmap, NULL if there
// are none.
func toBits(offsets, part string) string {
	from := "(" + part + " << " + strconv.Itoa(partBits) + ")"
	until := "(" + part + " + 1 << " + strconv.Itoa(partBits) + ")"
	return "(SELECT pg_catalog.bit_or((~ " + zero + " >> (pg_catalog.lower(r) - " + from + ")::int4) & (~ " + zero + " << (" + until + " - pg_catalog.upper(r))::int4))" +
		" FROM pg_catalog.unnest(" + offsets + " * pg_catalog.int8multirange(pg_catalog.int8range(" + from + ", " + until + "))) AS r)"
}

// overlap returns the condition that two rows have offsets of a part in common,
// whether they have them as ranges or as bits. Where a row is of another part,
// its bits are NULL.
func overlap(offsets, bits, otherOffsets, otherBits, part string) string {
	either := func(offsets, bits string) string {
		return "(SELECT pg_catalog.bit_or(b) FROM (VALUES (" + bits + "), (" + toBits(offsets, part) + ")) AS v (b))"
	}
	return "(" + offsets + " && " + otherOffsets + " OR CASE WHEN " + bits + " IS NULL AND " + otherBits + " IS NULL THEN false" +
		" ELSE COALESCE(" + either(offsets, bits) + " & " + either(otherOffsets, otherBits) + " <> " + zero + ", false) END)"
}

const noBits = "NULL::bit(4096)"

// ofChannel returns the condition that the ledger has a row of the channel of w.
func (l *Ledger) ofChannel(condition string) string {
	return "EXISTS (SELECT FROM " + l.quoted + " AS o WHERE o.channel = w.channel AND " + condition + ")"
}

// markRows returns the statement that marks rows. It looks as well for their offsets
// in what a channel's row of part 0 has, which is of any part. With merge, the
// offsets up to the low watermark become one range.
func (l *Ledger) markRows(rows []row, merge bool) string {
	first := overlap("o.offsets", noBits, "w.offsets", "w.bits", "w.part")
	elsewhere := "w.part <> 0 AND " + l.ofChannel("o.scope = w.scope AND o.part = 0 AND "+first)
	if l.unscoped.Load() {
		elsewhere += " OR " + l.ofChannel("o.scope = '' AND "+first)
	}
	merged := "'{}'"
	if merge {
		merged = "CASE WHEN EXCLUDED.low_watermark > pg_catalog.lower(l.offsets) THEN pg_catalog.int8multirange(pg_catalog.int8range(pg_catalog.lower(l.offsets), EXCLUDED.low_watermark)) ELSE '{}' END"
	}
	return "WITH marked AS (INSERT INTO " + l.quoted + " AS l (scope, channel, part, offsets, bits, low_watermark) SELECT * FROM " + values(rows) +
		" WHERE NOT (" + elsewhere + ") ORDER BY w.scope, w.channel, w.part" +
		" ON CONFLICT (scope, channel, part) DO UPDATE SET offsets = l.offsets + EXCLUDED.offsets + " + merged + "," +
		" bits = CASE WHEN l.bits IS NULL THEN EXCLUDED.bits ELSE l.bits | COALESCE(EXCLUDED.bits, " + zero + ") END," +
		" low_watermark = GREATEST(l.low_watermark, EXCLUDED.low_watermark), updated_at = pg_catalog.now()" +
		" WHERE NOT " + overlap("l.offsets", "l.bits", "EXCLUDED.offsets", "EXCLUDED.bits", "l.part") + " RETURNING 1) " +
		unless("pg_catalog.count(*) = "+strconv.Itoa(len(rows)), "pg_catalog.count(*)") + " FROM marked"
}

// checkParts returns the statement that looks for the ranges of part 0 in the rows of
// other parts.
func (l *Ledger) checkParts(rows []row) string {
	bits := strconv.Itoa(partBits)
	return unless("pg_catalog.count(*) = 0", "pg_catalog.count(*)") + " FROM " + values(rows) + " WHERE " +
		l.ofChannel("o.scope = w.scope AND o.part <> 0 AND o.part BETWEEN pg_catalog.lower(w.offsets) >> "+bits+" AND pg_catalog.upper(w.offsets) >> "+bits+
			" AND "+overlap("o.offsets", "o.bits", "w.offsets", noBits, "o.part"))
}

// mergeBelowWatermark returns the statements that make one range of the offsets up to
// the low watermarks, and delete the rows of parts that lie in it.
func (l *Ledger) mergeBelowWatermark(rows []row) string {
	locked := values(rows)
	merge := "UPDATE " + l.quoted + " AS l SET offsets = l.offsets + pg_catalog.int8multirange(pg_catalog.int8range(pg_catalog.lower(l.offsets), w.low_watermark))" +
		" FROM " + locked + " WHERE l.scope = w.scope AND l.channel = w.channel AND l.part = 0 AND pg_catalog.lower(l.offsets) < w.low_watermark"
	if !l.deletes.Load() {
		return merge
	}
	bits := strconv.Itoa(partBits)
	return merge + "; DELETE FROM " + l.quoted + " AS d USING " + l.quoted + " AS l, " + locked +
		" WHERE l.scope = w.scope AND l.channel = w.channel AND l.part = 0 AND d.scope = w.scope AND d.channel = w.channel AND d.part <> 0" +
		" AND d.part < w.low_watermark >> " + bits + " AND d.part << " + bits + " >= pg_catalog.lower(l.offsets)"
}
