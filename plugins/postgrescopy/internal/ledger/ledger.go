// Package ledger keeps, in a table of the same database, which offsets of which
// channels are done.
package ledger

import (
	"context"
	"strconv"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// Ledger is the table that holds which offsets of which channels have been
// dealt with: their rows, or the rejections of their rows, were committed by
// the transaction that wrote them into the ledger.
//
//	channel    text PRIMARY KEY
//	offsets    int8multirange NOT NULL
//	updated_at timestamptz NOT NULL
//
// It holds each offset and not just the highest, since batches may commit out
// of order, and a rejected row stays open until its rejection is stored. In the
// long run the offsets of a channel merge into one range.
type Ledger struct{ quoted string }

// New returns the ledger in the table that a person calls name.
func New(name string) (*Ledger, error) {
	parsed, err := sqltext.ParseTableName(name)
	if err != nil {
		return nil, err
	}
	return &Ledger{quoted: parsed.Spellings()[0]}, nil
}

// overlapMark begins what MarkStatement fails on when another transaction has dealt
// with one of the offsets meanwhile, as people will find it in the server's log.
const overlapMark = "postgres_copy: another transaction has written some of these offsets, so they are looked up: channels marked: "

// IsOverlap reports whether err is that failure.
func IsOverlap(err error) bool {
	pgErr, ok := pgerr.As(err)
	return ok && strings.Contains(pgErr.Message, overlapMark)
}

// ledgerLock is the advisory lock under which a ledger is made.
const ledgerLock = 0x70_67_63_6f_70_79_6c // "pgcopyl"

// createStatement makes the ledger unless it is there.
func (l *Ledger) createStatement() string {
	return `CREATE TABLE IF NOT EXISTS ` + l.quoted + ` (
	channel text PRIMARY KEY,
	offsets int8multirange NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
) WITH (fillfactor = 50)`
}

// MarkStatement enters the offsets into the ledger, or fails, and with it the
// transaction, when one of them is there already. It is the last statement
// before COMMIT, so that batches of one channel wait for each other's COMMIT
// only and not for each other's COPY. Channels are locked in the order of their
// names. (It fails by casting a text to a number, since a DO block, which could
// raise an error of its own, takes three times as long.)
func (l *Ledger) MarkStatement(ranges []ChannelRanges) string {
	if len(ranges) == 0 {
		return ""
	}
	return `WITH marked AS (INSERT INTO ` + l.quoted + ` AS l (channel, offsets) VALUES ` + valueList(ranges) +
		` ON CONFLICT (channel) DO UPDATE SET offsets = l.offsets + EXCLUDED.offsets, updated_at = pg_catalog.now()` +
		` WHERE NOT l.offsets && EXCLUDED.offsets RETURNING 1)` +
		` SELECT CASE WHEN pg_catalog.count(*) = ` + strconv.Itoa(len(ranges)) +
		` THEN 0 ELSE (` + sqltext.Literal(overlapMark) + `||pg_catalog.count(*))::int4 END FROM marked`
}

// valueList writes ranges as rows of VALUES.
func valueList(ranges []ChannelRanges) string {
	values := make([]string, len(ranges))
	for i, r := range ranges {
		values[i] = "(" + sqltext.Literal(r.Channel) + ", '" + r.Offsets + "'::pg_catalog.int8multirange)"
	}
	return strings.Join(values, ", ")
}

// Read returns the messages whose offset the ledger holds.
func (l *Ledger) Read(ctx context.Context, s *conn.Session, m *Offsets) (map[int]bool, error) {
	all := m.Ranges(func(int) bool { return true })
	if len(all) == 0 {
		return nil, nil
	}
	rows, err := s.QueryText(ctx, s.Settings+`SELECT l.channel, l.offsets * w.offsets FROM (VALUES `+valueList(all)+`) AS w (channel, offsets)
JOIN `+l.quoted+` AS l ON l.channel = w.channel AND l.offsets && w.offsets`)
	if err != nil {
		return nil, err
	}
	done := map[int]bool{}
	for _, r := range rows {
		if err := m.within(r[0], r[1], done); err != nil {
			return nil, err
		}
	}
	return done, nil
}
