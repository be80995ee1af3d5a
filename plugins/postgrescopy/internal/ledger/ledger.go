// Package ledger keeps, in a table of the same database, which offsets of which
// channels are done.
package ledger

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// Ledger is the table that holds which offsets of which channels are done for
// which scope: their rows, or the rejections of their rows, were committed by
// the transaction that wrote them into the ledger.
//
//	scope         text            the table that the rows are for, or a name that outputs share
//	channel       text
//	part          int8            the offsets' upper bits; the row of part 0 may have ranges of any offsets
//	offsets       int8multirange  those that are done
//	bits          bit(4096)       those of the part that are done, where they are many ranges
//	low_watermark int8            the input had every lower offset acknowledged
//	updated_at    timestamptz
//	PRIMARY KEY (scope, channel, part)
//
// It holds each offset and not just the highest, since batches may commit out of
// order, and a rejected row stays open until its rejection is stored. From the
// first offset of a channel to its low watermark the offsets are one range,
// whatever was filtered out between them; above, they merge as they become
// contiguous. A batch with more gaps than a few marks bits in the rows of its
// parts, which takes the server a hundredth of the time that as many ranges take.
// Each channel has a row of part 0, which a transaction locks to mark its offsets.
// Rows with an empty scope are from a version that had none: their offsets are
// done for every scope. Many goroutines may use a Ledger.
type Ledger struct {
	quoted string
	scope  string // empty: the table
	// unscoped: the ledger has rows with an empty scope.
	unscoped atomic.Bool
	// deletes: the role may delete the bits of offsets below the low watermark.
	deletes atomic.Bool
	churn   atomic.Int64 // bytes of offsets that were marked since Tidy
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

// Read returns the messages whose offset the ledger holds. The scopes are those
// of the batch's tables.
func (l *Ledger) Read(ctx context.Context, s *conn.Session, m *Offsets, scopes []string) (map[int]bool, error) {
	parts := m.byPart(scopes, func(int) bool { return true })
	if len(parts) == 0 {
		return nil, nil
	}
	wanted := make([]row, len(parts))
	for i, p := range parts {
		wanted[i] = row{p.scope, p.channel, p.part, multirange(p.offsets), nil, noWatermark}
	}
	// With OFFSET 0, each part is looked up by the primary key, and no join passes over
	// all the parts of a channel.
	rows, err := s.QueryText(ctx, s.Settings+`SELECT w.scope, w.channel, w.part, l.offsets * w.offsets, l.bits FROM `+values(wanted)+` CROSS JOIN LATERAL (SELECT o.offsets, CASE WHEN o.part = w.part THEN o.bits END AS bits FROM `+
		l.quoted+` AS o WHERE o.scope = ANY (ARRAY['', w.scope]) AND o.channel = w.channel AND o.part = ANY (ARRAY[0, w.part]) AND (o.offsets && w.offsets OR o.bits IS NOT NULL) OFFSET 0) AS l`)
	if err != nil {
		return nil, err
	}
	done := map[int]bool{}
	for _, r := range rows {
		if err := m.within(scopes, r, done); err != nil {
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
