package load

import (
	"context"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

// readTexts has the server read the texts that the encoders left to it, adds
// their rows where they belong, and rejects the rows with a text that the server
// refuses. It reports whether there are such. Each column costs a round trip or
// two for the whole batch, and the rows without such texts nothing.
func (w *Writer) readTexts(ctx context.Context, b *Batch, t *TableRows) (refused bool, err error) {
	unread := t.rows.Unread
	byColumn := map[int][]copyrows.Unread{}
	for _, u := range unread {
		byColumn[u.Column] = append(byColumn[u.Column], u)
	}
	err = w.Pool.InSession(ctx, func(s *conn.Session) error {
		for column, values := range byColumn {
			bad, err := b.readColumn(ctx, s, t, column, values)
			if err != nil {
				return err
			}
			refused = refused || bad
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	last := -1
	for _, u := range unread {
		if _, rejected := b.Rejected[u.Message]; rejected || u.Message == last {
			continue
		}
		last = u.Message
		b.withValues(u.Message, func(values copyrows.Values) {
			values.Read = b.Values[u.Message].Read
			if err := t.rows.Add(u.Message, values); err != nil {
				b.Rejected[u.Message] = pgerr.RejectionOf(err)
			}
		})
	}
	t.rows.SortByMessage()
	return refused, nil
}

// readColumn has the server read values of one column.
func (b *Batch) readColumn(ctx context.Context, s *conn.Session, t *TableRows, column int, values []copyrows.Unread) (anyRefused bool, err error) {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.Value.Unread
	}
	fields, refused, err := t.table.Columns[column].Value.Read(ctx, s.Conn, s.Settings, texts)
	if err != nil {
		return false, err
	}
	for i, v := range values {
		if reason, bad := refused[i]; bad {
			rejected := *v.Value
			rejected.Reason = reason
			if _, before := b.Rejected[v.Message]; !before {
				b.Rejected[v.Message] = pgerr.RejectionOf(&rejected)
			}
			continue
		}
		values := &b.Values[v.Message]
		if values.Read == nil {
			values.Read = map[int][]byte{}
		}
		values.Read[column] = fields[i]
	}
	return len(refused) > 0, nil
}
