package pgvalue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ecommerce-ingest/connect/internal/timetext"
)

// Read has the server read texts that Append left to it ([ValueError.Unread]) and
// returns each as Append would have written it: one field of COPY's binary form.
// A text that the server refuses has a nil field, and refused has the server's
// reason under its index.
//
// A date in which the day or the month may come first is refused, unless settings
// have a DateStyle that says which.
//
// It runs a read-only transaction that begins with settings and has TimeZone at
// UTC, as Append has; DateStyle and IntervalStyle are those of the session. The
// server needs PL/pgSQL to tell which texts it refuses. The connection is idle
// before and, unless err tells otherwise, after.
func (c *Column) Read(ctx context.Context, conn *pgconn.PgConn, settings string, texts []string) (fields [][]byte, refused map[int]string, err error) {
	r := textReader{c, conn, "BEGIN READ ONLY; " + settings + "SET LOCAL TimeZone = 'UTC'"}
	refused = map[int]string{}
	if c.isDated() && !strings.Contains(strings.ToLower(settings), "datestyle") {
		for i, text := range texts {
			if timetext.IsDayOrMonthFirst(trimSpace(text)) {
				refused[i] = dayOrMonthFirst
			}
		}
	}
	values, err := r.cast(ctx, without(texts, refused))
	if isRefusal(err) {
		found, err2 := r.refusals(ctx, texts)
		if err2 != nil {
			return nil, nil, err2
		}
		for i, reason := range found {
			if _, known := refused[i]; !known {
				refused[i] = reason
			}
		}
		values, err = r.cast(ctx, without(texts, refused))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading texts of column %q as %s: %w", c.Name, c.Cast, err)
	}
	fields = make([][]byte, len(texts))
	for i := range texts {
		if _, bad := refused[i]; !bad {
			fields[i] = append(appendInt32(nil, int32(len(values[0]))), values[0]...)
			values = values[1:]
		}
	}
	return fields, refused, nil
}

const dayOrMonthFirst = "it may begin with the day or the month: read it in the mapping with ts_strptime, " +
	`such as ts_strptime("%d.%m.%Y"), or set DateStyle in session`

// isDated reports whether the column has dates.
func (c *Column) isDated() bool {
	return strings.Contains(c.Cast, "date") || strings.Contains(c.Cast, "timestamp")
}

// without returns the texts that are not refused.
func without(texts []string, refused map[int]string) []string {
	if len(refused) == 0 {
		return texts
	}
	good := make([]string, 0, len(texts))
	for i, text := range texts {
		if _, bad := refused[i]; !bad {
			good = append(good, text)
		}
	}
	return good
}

// textReader reads texts of one column on one connection.
type textReader struct {
	column *Column
	conn   *pgconn.PgConn
	begin  string
}

// cast returns the binary forms of texts, or the server's error for one of them.
func (r textReader) cast(ctx context.Context, texts []string) ([][]byte, error) {
	var values [][]byte
	err := r.inTransaction(ctx, func() error {
		query := "SELECT v::" + r.column.Cast + " FROM pg_catalog.json_array_elements_text($1::json) WITH ORDINALITY AS t (v, o) ORDER BY o"
		result := r.conn.ExecParams(ctx, query, [][]byte{jsonTexts(texts)}, nil, nil, []int16{1}).Read()
		for _, row := range result.Rows {
			values = append(values, row[0])
		}
		return result.Err
	})
	if err == nil && len(values) != len(texts) {
		err = fmt.Errorf("the server returned %d values for %d texts", len(values), len(texts))
	}
	return values, err
}

// refusalsStatement casts text by text and collects the errors of those that are
// refused. Errors that are not about a text end it. Texts and errors pass
// through settings of the transaction, since DO has no parameters and no result.
const refusalsStatement = `DO $do$
DECLARE
	t record;
	hint text;
	refused text[] := '{}';
BEGIN
	FOR t IN SELECT * FROM pg_catalog.json_array_elements_text(pg_catalog.current_setting('postgres_copy.texts')::json) WITH ORDINALITY AS t (v, o) LOOP
		BEGIN
			PERFORM t.v::%s;
		EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			refused := pg_catalog.array_append(refused, pg_catalog.json_build_object('o', t.o, 'm', pg_catalog.left(SQLERRM, 400), 'h', hint)::text);
		END;
	END LOOP;
	PERFORM pg_catalog.set_config('postgres_copy.refused', '[' || pg_catalog.array_to_string(refused, ',') || ']', true);
END $do$; SELECT pg_catalog.current_setting('postgres_copy.refused')`

// refusals returns the server's reasons by the indexes of the texts it refuses.
func (r textReader) refusals(ctx context.Context, texts []string) (map[int]string, error) {
	var found []struct {
		O    int
		M, H string
	}
	err := r.inTransaction(ctx, func() error {
		err := r.conn.ExecParams(ctx, "SELECT pg_catalog.set_config('postgres_copy.texts', $1, true)", [][]byte{jsonTexts(texts)}, nil, nil, nil).Read().Err
		if err != nil {
			return err
		}
		results, err := r.conn.Exec(ctx, fmt.Sprintf(refusalsStatement, r.column.Cast)).ReadAll()
		if err != nil {
			return err
		}
		return json.Unmarshal(results[len(results)-1].Rows[0][0], &found)
	})
	if err != nil {
		return nil, fmt.Errorf("looking for the texts of column %q that are no %s: %w", r.column.Name, r.column.Cast, err)
	}
	refused := make(map[int]string, len(found))
	for _, f := range found {
		reason := strings.TrimSuffix(f.M, `: "`+texts[f.O-1]+`"`)
		if f.H != "" {
			reason += " (hint: " + f.H + ")"
		}
		refused[f.O-1] = reason
	}
	return refused, nil
}

// inTransaction runs do in a transaction of its own and ends it.
func (r textReader) inTransaction(ctx context.Context, do func() error) error {
	err := r.conn.Exec(ctx, r.begin).Close()
	if err == nil {
		err = do()
	}
	if err2 := r.conn.Exec(ctx, "ROLLBACK").Close(); err == nil {
		err = err2
	}
	return err
}

// jsonTexts writes texts as a JSON array.
func jsonTexts(texts []string) []byte {
	array := []byte{'['}
	for i, text := range texts {
		if i > 0 {
			array = append(array, ',')
		}
		array, _ = appendJSONString(array, text) // Append has checked it
	}
	return append(array, ']')
}

// isRefusal reports whether the server has refused a text as no value of its
// type, by the classes of errors that input functions and domains raise.
func isRefusal(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && len(refused.Code) == 5 && strings.Contains("22 23 54", refused.Code[:2])
}
