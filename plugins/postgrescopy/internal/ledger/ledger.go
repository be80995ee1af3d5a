// Package ledger keeps, in a table of the same database, which offsets of which
// channels are done.
package ledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// Ledger is the table that holds which offsets of which channels are done for
// which scope: their rows, or the rejections of their rows, were committed by
// the transaction that wrote them into the ledger.
//
//	scope         text            the table that the rows are for, or a name that outputs share
//	channel       text
//	part          int8            0, or the offsets' upper bits where there is no low watermark
//	offsets       int8multirange  those that are done
//	low_watermark int8            the input had every lower offset acknowledged
//	updated_at    timestamptz
//	PRIMARY KEY (scope, channel, part)
//
// It holds each offset and not just the highest, since batches may commit out
// of order, and a rejected row stays open until its rejection is stored. From the
// first offset of a channel to its low watermark the offsets are one range,
// whatever was filtered out between them; above, they merge as they become
// contiguous. Rows with an empty scope are from a version that had none: their
// offsets are done for every scope. Many goroutines may use a Ledger.
type Ledger struct {
	quoted string
	scope  string // empty: the table
	// unscoped: the ledger has rows with an empty scope.
	unscoped atomic.Bool
	churn    atomic.Int64 // bytes of offsets that were marked since Tidy
}

// maxScope is how long the name of a scope may be, in bytes, so that the
// ledger's index can hold it with that of a channel.
const maxScope = 255

// New returns the ledger in the table that a person calls name, for a scope of
// this name, or for each table if it is empty.
func New(name, scope string) (*Ledger, error) {
	parsed, err := sqltext.ParseTableName(name)
	if err != nil {
		return nil, err
	}
	if len(scope) > maxScope {
		return nil, fmt.Errorf("the scope of a ledger may have %d bytes: it has %d", maxScope, len(scope))
	}
	return &Ledger{quoted: parsed.Spellings()[0], scope: scope}, nil
}

// Scope returns what the rows of a table are done for.
func (l *Ledger) Scope(table string) string {
	if l.scope != "" {
		return l.scope
	}
	return table
}

// overlapMark begins what MarkStatement fails on when another transaction has dealt
// with one of the offsets meanwhile, as people will find it in the server's log.
const overlapMark = "postgres_copy: another transaction has written some of these offsets, so they are looked up: channels marked: "

// IsOverlap reports whether err is that failure.
func IsOverlap(err error) bool {
	pgErr, ok := pgerr.As(err)
	return ok && strings.Contains(pgErr.Message, overlapMark)
}

// MarkStatement enters the offsets into the ledger, or fails, and with it the
// transaction, when one of them is there already. It is the last statement
// before COMMIT, so that batches of one channel wait for each other's COMMIT
// only and not for each other's COPY. Channels are locked in the order of their
// names. (It fails by casting a text to a number, since a DO block, which could
// raise an error of its own, takes three times as long.)
func (l *Ledger) MarkStatement(ranges []Ranges) string {
	if len(ranges) == 0 {
		return ""
	}
	for _, r := range ranges {
		l.churn.Add(int64(len(r.offsets)))
	}
	there := func(condition string) string {
		return `EXISTS (SELECT FROM ` + l.quoted + ` AS o WHERE ` + condition + ` AND o.channel = w.channel AND o.offsets && w.offsets)`
	}
	// What was marked while the channel had a low watermark, or while it had none. With
	// CASE, each row looks it up by the primary key, and no join passes over a
	// channel's parts, which may be very many.
	bits := strconv.Itoa(partBits)
	elsewhere := `CASE WHEN w.part <> 0 THEN ` + there(`o.scope = w.scope AND o.part = 0`) +
		` ELSE ` + there(`o.scope = w.scope AND o.part <> 0 AND o.part BETWEEN pg_catalog.lower(w.offsets) >> `+bits+` AND pg_catalog.upper(w.offsets) >> `+bits) + ` END`
	if l.unscoped.Load() {
		elsewhere += ` OR ` + there(`o.scope = ''`)
	}
	return `WITH marked AS (INSERT INTO ` + l.quoted + ` AS l (scope, channel, part, offsets, low_watermark) SELECT * FROM (VALUES ` + valueList(ranges) +
		`) AS w (scope, channel, part, offsets, low_watermark) WHERE NOT (` + elsewhere + `) ORDER BY w.scope, w.channel, w.part` +
		` ON CONFLICT (scope, channel, part) DO UPDATE SET offsets = l.offsets + EXCLUDED.offsets + CASE WHEN EXCLUDED.low_watermark > pg_catalog.lower(l.offsets)` +
		` THEN pg_catalog.int8multirange(pg_catalog.int8range(pg_catalog.lower(l.offsets), EXCLUDED.low_watermark)) ELSE '{}' END,` +
		` low_watermark = GREATEST(l.low_watermark, EXCLUDED.low_watermark), updated_at = pg_catalog.now()` +
		` WHERE NOT l.offsets && EXCLUDED.offsets RETURNING 1)` +
		` SELECT CASE WHEN pg_catalog.count(*) = ` + strconv.Itoa(len(ranges)) +
		` THEN 0 ELSE (` + sqltext.Literal(overlapMark) + `||pg_catalog.count(*))::int4 END FROM marked`
}

// valueList writes ranges as rows of VALUES.
func valueList(ranges []Ranges) string {
	values := make([]string, len(ranges))
	for i, r := range ranges {
		low := "NULL"
		if r.low != noWatermark {
			low = "'" + strconv.FormatInt(r.low, 10) + "'"
		}
		values[i] = "(" + sqltext.Literal(r.Scope) + ", " + sqltext.Literal(r.Channel) + ", '" + strconv.FormatInt(r.part, 10) + "'::int8, '" + r.offsets + "'::pg_catalog.int8multirange, " + low + "::int8)"
	}
	return strings.Join(values, ", ")
}

// Read returns the messages whose offset the ledger holds. The scopes are those
// of the batch's tables.
func (l *Ledger) Read(ctx context.Context, s *conn.Session, m *Offsets, scopes []string) (map[int]bool, error) {
	byPart := func(at position) int64 { return at.offset >> partBits }
	all := m.ranges(scopes, byPart, func(int) bool { return true })
	if len(all) == 0 {
		return nil, nil
	}
	// With OFFSET 0, each part is looked up by the primary key, and no join passes over
	// all the parts of a channel.
	rows, err := s.QueryText(ctx, s.Settings+`SELECT w.scope, w.channel, l.offsets * w.offsets FROM (VALUES `+valueList(all)+`) AS w (scope, channel, part, offsets, low_watermark)
CROSS JOIN LATERAL (SELECT o.offsets FROM `+l.quoted+` AS o WHERE o.scope = ANY (ARRAY['', w.scope]) AND o.channel = w.channel AND o.part = ANY (ARRAY[0, w.part]) AND o.offsets && w.offsets OFFSET 0) AS l`)
	if err != nil {
		return nil, err
	}
	done := map[int]bool{}
	for _, r := range rows {
		if err := m.within(scopes, r[0], r[1], r[2], done); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// maxChurn is how many bytes of offsets may be marked before the ledger is
// vacuumed.
const maxChurn = 128 << 10

// Tidy vacuums the ledger once in a while. Where there are gaps each mark leaves a
// dead copy of some kilobytes behind, and the server's own vacuum comes once a
// minute. It does nothing while another session does, or for a role that does not
// own the table. Its errors are no concern of the batch, which is committed.
func (l *Ledger) Tidy(ctx context.Context, s *conn.Session) {
	if l.churn.Load() > maxChurn {
		l.churn.Store(0)
		_ = s.Exec(ctx, "VACUUM (SKIP_LOCKED, TRUNCATE false) "+l.quoted)
	}
}
