package load

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// errorsTable takes what the server finds: for each bad row its number and the
// error. Under the number -1 are how many rows were inserted, and where to go on.
const errorsTable = "pg_temp.postgres_copy_errors"

const makeErrorsTable = `CREATE TEMPORARY TABLE IF NOT EXISTS postgres_copy_errors (o int4, code text, message text, detail text, violated text) ON COMMIT DELETE ROWS`

const readErrors = "; SELECT o, code, message, detail, violated FROM " + errorsTable + "; DELETE FROM " + errorsTable

// byServerError is a failure of the server's driver after which the rows can be tried
// from here: tables cannot be made, the bytes of a row are refused before it comes to
// inserting it, or it takes longer than statement_timeout.
type byServerError struct{ err error }

func (e *byServerError) Error() string { return e.err.Error() }
func (e *byServerError) Unwrap() error { return e.err }

// narrowByServer has the server do what narrowHere does.
func (i *isolation) narrowByServer(ctx context.Context, g *isolated) error {
	_, err := copyRows(ctx, i.s, g.NumberedStream(0), makeErrorsTable+"; "+g.Set.MakeIndexed+"; "+g.Set.CopyIndexed)
	for from := 0; err == nil && from < len(g.Order); {
		var rows [][]string
		if rows, err = i.s.QueryText(ctx, g.runsStatement(from)+readErrors); err == nil {
			from, err = i.addErrors(g, rows)
		}
	}
	if err == nil {
		err = i.s.Exec(ctx, "TRUNCATE "+g.Set.IndexedName)
	}
	if _, ok := pgerr.As(err); ok && (!pgerr.Classify(ctx, err).Retry() || pgerr.Is(err, "57014")) && ctx.Err() == nil {
		return &byServerError{err}
	}
	return err
}

// addErrors takes over what was read from the errors table.
func (i *isolation) addErrors(g *isolated, rows [][]string) (next int, err error) {
	for _, r := range rows {
		n, err := strconv.Atoi(r[0])
		if err != nil {
			return 0, fmt.Errorf("reading which rows failed: %w", err)
		}
		if n >= 0 {
			g.bad[n] = pgerr.RowError{Code: r[1], Message: r[2], Detail: r[3], Constraint: r[4]}
			continue
		}
		inserted, err := strconv.Atoi(r[1])
		if err == nil {
			next, err = strconv.Atoi(r[2])
		}
		if err != nil {
			return 0, fmt.Errorf("reading how many rows were inserted: %w", err)
		}
		i.inserted += inserted
	}
	return next, nil
}

// runsStatement inserts the staged rows from a number on in runs, and notes those
// that cannot be inserted. What may pass by itself is raised again, and ends the
// transaction. It stops before statement_timeout does; how far it came is noted. (A
// column wins over a variable of its name: ON CONFLICT (n) is to mean the table's n.)
func (g *isolated) runsStatement(from int) string {
	return "DO " + sqltext.Literal(`#variable_conflict use_column
DECLARE
	i int := `+strconv.Itoa(from)+`;
	size int := 1;
	n int;
	inserted int := 0;
	detail text;
	violated text;
	budget interval := nullif(current_setting('statement_timeout')::interval, '0') / 4;
BEGIN
	WHILE i < `+strconv.Itoa(len(g.Order))+` AND (budget IS NULL OR pg_catalog.clock_timestamp() < pg_catalog.statement_timestamp() + budget) LOOP
		BEGIN
			`+g.Set.InsertWhere("o >= i AND o < i + size")+`;
			GET DIAGNOSTICS n = ROW_COUNT;
			inserted := inserted + n;
			i := i + size;
			size := least(size * 2, `+strconv.Itoa(maxRun)+`);
		EXCEPTION WHEN OTHERS THEN
			IF `+pgerr.RetryCondition+` THEN RAISE; END IF;
			IF size > 1 THEN
				size := greatest(size / 4, 1);
			ELSE
				GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, violated = CONSTRAINT_NAME;
				INSERT INTO `+errorsTable+` VALUES (i, SQLSTATE, SQLERRM, detail, violated);
				i := i + 1;
			END IF;
		END;
	END LOOP;
	INSERT INTO `+errorsTable+` VALUES (-1, inserted, i);
END`)
}
