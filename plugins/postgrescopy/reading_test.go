package postgrescopy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheServerReadsWhatTheEncodersDoNot(t *testing.T) {
	t.Parallel()
	const schema = "CREATE TABLE v (id int, at timestamptz, day date, t time, span interval, net cidr, tags text[])"
	db := newTestDB(t, schema)
	o := db.connected("table: v")
	rejected := o.write(
		fields{"id": 1, "at": "2021-01-05T10:00:00Z", "day": "2021-01-05", "t": "16:05:00", "net": "10.0.0.0/8"},
		fields{"id": 2, "at": "5 January 2021 10:00", "day": "5 Jan 2021", "t": "04:05 PM", "span": "1.5 years", "net": "10", "tags": "{a,NULL}"},
		fields{"id": 3, "at": "2021-07-01 12:00 Europe/Berlin", "day": "soon", "t": "04:05 PM"},
		fields{"id": 4, "day": "13/13/2021"},
		fields{"id": 5, "at": "today"},
		fields{"id": 6, "at": "2021-07-01 12:00 Europe/Berlin", "tags": []any{"b"}},
	)
	assert.Equal(t, map[int]string{
		2: `column "day" date: cannot take "soon": invalid input syntax for type date`,
		3: `column "day" date: cannot take "13/13/2021": it may begin with the day or the month: read it in the mapping with ts_strptime, such as ts_strptime("%d.%m.%Y"), or set DateStyle in session`,
		4: `column "at" timestamp with time zone: cannot take "today": a word whose meaning depends on the day of writing is not taken`,
	}, rejected)
	db.exec("SET timezone = 'UTC'")
	assert.Equal(t, []string{
		"1|2021-01-05 10:00:00+00|2021-01-05|16:05:00||10.0.0.0/8|",
		"2|2021-01-05 10:00:00+00|2021-01-05|16:05:00|1 year 6 mons|10.0.0.0/8|{a,NULL}",
		"6|2021-07-01 10:00:00+00|||||{b}",
	}, db.rows("SELECT * FROM v ORDER BY id"))
	assert.Empty(t, o.log.String())
}

func TestTheSessionsDateStyleReadsDates(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, "CREATE TABLE v (day date)")
	assert.Empty(t, db.connected("table: v\nsession: {DateStyle: 'ISO, DMY'}").write(fields{"day": "02.05.2021"}))
	assert.Equal(t, "2021-05-02", db.value("SELECT day FROM v"))
}

func TestTextsThatTheServerReadsKeepTheirPlace(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{"ignore": "2021-01-05|first", "upsert": "2021-01-05|last"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, "CREATE TABLE v (day date PRIMARY KEY, note text)")
			o := db.connected("table: v\nwrite_mode: " + mode)
			assert.Empty(t, o.write(
				fields{"day": "5 January 2021", "note": "first"},
				fields{"day": "2021-01-05", "note": "second"},
				fields{"day": "Jan 5, 2021", "note": "third"},
				fields{"day": "2021-01-05", "note": "last"},
			))
			assert.Equal(t, want, db.value("SELECT * FROM v"))
		})
	}
}

func TestManyTextsForTheServerAreReadAtOnce(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, "CREATE TABLE v (id int, day date)")
	o := db.connected("table: v")
	var rows []fields
	want := map[int]string{}
	for i := range 5000 {
		day := fmt.Sprintf("%d Jan 2021", i%28+1)
		if i%100 == 7 {
			day = "never"
			want[i] = `column "day" date: cannot take "never": invalid input syntax for type date`
		}
		rows = append(rows, fields{"id": i, "day": day})
	}
	assert.Equal(t, want, o.write(rows...))
	assert.Equal(t, "4950|2021-01-01|2021-01-28", db.value("SELECT count(*), min(day), max(day) FROM v"))
}

func TestWithoutPLpgSQLTheEncodersDecide(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, "CREATE TABLE v (day date); DROP EXTENSION plpgsql")
	rejected := db.connected("table: v").write(fields{"day": "5 January 2021"}, fields{"day": "2021-01-05"})
	assert.Equal(t, map[int]string{0: `column "day" date: cannot take "5 January 2021": not a date or time that is read here`}, rejected)
	assert.Equal(t, "2021-01-05", db.value("SELECT day FROM v"))
}

func TestAMappingMayLeaveTextsToTheServer(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, "CREATE TABLE v (id int, day date)")
	o := db.connected("table: v\nmapping: |\n  root.day = this.d + \" January 2021\"\n  root.d = deleted()\n")
	rejected := o.write(fields{"id": 1, "d": "5"}, fields{"id": 2, "d": "50"}, fields{"id": 3, "d": "7"})
	assert.Equal(t, map[int]string{1: `column "day" date: cannot take "50 January 2021": invalid input syntax for type date`}, rejected)
	assert.Equal(t, []string{"1|2021-01-05", "3|2021-01-07"}, db.rows("SELECT * FROM v ORDER BY id"))
}
