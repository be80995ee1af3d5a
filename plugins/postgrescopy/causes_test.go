package postgrescopy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// raising is a table whose trigger raises an error of a code, when a condition
// on the row and on the count of attempts at rows holds.
func raising(code, condition string) string {
	return fmt.Sprintf(`CREATE SEQUENCE attempts; CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1);
		CREATE TABLE r (id int PRIMARY KEY, parent int REFERENCES parents);
		CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
			DECLARE attempt int := nextval('attempts');
			BEGIN IF %s THEN RAISE EXCEPTION 'raised' USING ERRCODE = '%s'; END IF; RETURN NEW; END $$;
		CREATE TRIGGER f BEFORE INSERT ON r FOR EACH ROW EXECUTE FUNCTION f()`, condition, code)
}

//promise:healthy-stays
func TestNoTemporaryErrorRejectsARow(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, code := range []string{
		"40001", "40P01", "53100", "53200", "53300", "53400", "55006", "55P03", "57014", "58030", "25006", "72000", "2200H", // temporary
		"08006", "57P01", "57P02", "57P03", "25P03", "25P04", // lost
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			// Twice at first, and once more when bad rows are isolated.
			db := newTestDB(t, raising(code, "attempt IN (1, 2, 7)"))
			o := db.connected("table: r")
			rejected := o.write(fields{"id": 1, "parent": 1}, fields{"id": 2, "parent": 9}, fields{"id": 3, "parent": 1})
			assert.Len(t, rejected, 1)
			assert.Contains(t, rejected[1], "23503")
			assert.Equal(t, []string{"1", "3"}, db.rows("SELECT id FROM r ORDER BY id"))
			assert.Equal(t, 1, strings.Count(o.log.String(), "level=WARN"), o.log.String())
		})
	}
}

//promise:never-stops
func TestNoFaultOfARowIsRetriedForever(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, code := range []string{
		"21000", "22000", "22003", "22007", "22012", "22021", "22P02", "22P03", "23000", "23502", "23503", "23505", "23514", "23P01",
		"27000", "2F002", "38000", "39000", "42601", "44000", "54000", "54001", "P0001", "P0002", "SHOP1", // data
		"0A000", "28000", "3F000", "42501", "42703", "42804", "42883", "42P01", "42P10", "55000", "F0000", "HV000", "XX000", "XX001", // by its neighbours
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, raising(code, "NEW.id = 2"))
			o := db.connected("table: r")
			rejected := o.write(fields{"id": 1}, fields{"id": 2}, fields{"id": 3})
			assert.Equal(t, map[int]string{1: "raised (SQLSTATE " + code + ")"}, rejected)
			assert.Equal(t, []string{"1", "3"}, db.rows("SELECT id FROM r ORDER BY id"))
		})
	}
}

// The connection lives and the neighbours can be stored, so it is the row.
//
//promise:never-stops
func TestARowWhoseTriggerAlwaysRaisesIsRejected(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for code, yaml := range map[string]string{
		"08006": "", "57P01": "\nwrite_mode: upsert", "40001": "\nwrite_mode: ignore", "57014": "", "53100": "", "55P03": "",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, raising(code, "NEW.id = 2"), `CREATE TABLE refused (id uuid PRIMARY KEY, reason text)`)
			o := db.connected("table: r\nrejects: { table: refused }" + yaml)
			assert.Empty(t, o.write(fields{"id": 1}, fields{"id": 2}, fields{"id": 3}))
			assert.Equal(t, []string{"1", "3"}, db.rows("SELECT id FROM r ORDER BY id"))
			assert.Equal(t, "raised (SQLSTATE "+code+")", db.value("SELECT reason FROM refused"))
		})
	}
}

//promise:operator
func TestAShortStatementTimeoutIsNamedAndStopsNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range writeModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE s (id int PRIMARY KEY);
				CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END';
				CREATE TRIGGER slow BEFORE INSERT ON s FOR EACH ROW EXECUTE FUNCTION slow()`)
			o := db.connected("table: s\nstatement_timeout: 200ms\nwrite_mode: " + mode)
			rows := make([]fields, 40)
			for i := range rows {
				rows[i] = fields{"id": i}
			}
			assert.Empty(t, o.write(rows...))
			assert.Equal(t, "40", db.value("SELECT count(*) FROM s"))
			assert.Contains(t, o.log.String(), "Its statement_timeout is 200ms: if this goes on, raise `statement_timeout`, or send smaller batches with `batching`")
		})
	}
}
