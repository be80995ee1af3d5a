package infer_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/infer"
	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
	_ "github.com/ecommerce-ingest/connect/plugins/all"
)

// exports are layouts that shops, banks and tools write, with invented content.
var exports = []struct {
	file    string
	rows    string
	types   string   // of the columns, in their order
	answers []string // statement, answer
}{
	{
		file: "2019-Oct.csv", rows: "24",
		types: "event_time timestamptz!, event_type text!, product_id bigint!, category_id bigint!, category_code text, brand text, price numeric!, user_id bigint!, user_session uuid!",
		answers: []string{
			"SELECT min(event_time)::text || ' ' || max(event_time)::text FROM imported", "2019-10-01 00:00:00+00 2019-10-01 00:03:41+00",
			"SELECT sum(price)::text FROM imported", "4039.80",
			"SELECT count(*)::text FROM imported WHERE brand IS NULL", "12",
		},
	},
	{
		file: "online_retail.csv", rows: "26",
		types: "invoice_no text!, stock_code text!, description text!, quantity bigint!, invoice_date timestamp!, unit_price numeric!, customer_id bigint, country text!",
		answers: []string{
			"SELECT max(invoice_date)::text FROM online_retail", "2010-12-13 15:51:00",
			"SELECT DISTINCT description FROM online_retail WHERE description LIKE 'CAF%'", `CAFÉ SIGN "OPEN"`,
			"SELECT DISTINCT description FROM online_retail WHERE description LIKE 'JAM%'", "JAM JAR, £5 OFFER",
			"SELECT count(*)::text FROM online_retail WHERE customer_id IS NULL", "3",
		},
	},
	{
		file: "shop-orders.csv", rows: "15",
		types: "order_id bigint!, created_at timestamptz!, customer text!, shipping_address text!, total numeric!, paid boolean!, postcode text!",
		answers: []string{
			"SELECT shipping_address FROM shop_orders WHERE order_id = 70002", "2 Mill Lane\nFlat 1\nLeeds",
			"SELECT sum(total)::text FROM shop_orders", "18168.75",
			"SELECT created_at::text FROM shop_orders WHERE order_id = 70001", "2025-03-01 08:00:00+00",
			"SELECT customer || postcode FROM shop_orders WHERE order_id = 70002", `Bo "B" Lee01231`,
			"SELECT count(*)::text FROM shop_orders WHERE paid", "8",
			"SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] WHERE indrelid = 'shop_orders'::regclass AND indisprimary", "order_id",
		},
	},
	{
		file: "konto-export-2025.csv", rows: "18",
		types: "buchungstag date!, wertstellung date!, empfänger text!, verwendungszweck text, betrag_eur numeric!, saldo numeric!, gebucht boolean!",
		answers: []string{
			"SELECT min(buchungstag)::text || ' ' || max(wertstellung)::text FROM konto_export", "2025-03-01 2025-03-19",
			"SELECT min(betrag_eur)::text || ' ' || max(betrag_eur)::text FROM konto_export", "-1234.56 2750.00",
			"SELECT max(saldo)::text FROM konto_export", "7203.89",
			`SELECT DISTINCT "empfänger" FROM konto_export WHERE "empfänger" LIKE 'B%'`, "Bäckerei Groß",
			"SELECT verwendungszweck FROM konto_export WHERE buchungstag = '2025-03-01'", "Rechnung 000; März",
			"SELECT count(*)::text FROM konto_export WHERE gebucht", "15",
		},
	},
	{
		file: "yellow_tripdata_2024-01.csv", rows: "20",
		types: "vendor_id bigint!, tpep_pickup_datetime timestamp!, tpep_dropoff_datetime timestamp!, passenger_count numeric, trip_distance numeric!, ratecode_id numeric, store_and_fwd_flag boolean, pu_location_id bigint!, do_location_id bigint!, payment_type bigint!, fare_amount numeric!, tip_amount numeric!, total_amount numeric!",
		answers: []string{
			"SELECT sum(total_amount)::text FROM yellow_tripdata", "601.00",
			"SELECT max(tpep_dropoff_datetime)::text FROM yellow_tripdata", "2024-01-20 19:36:41",
			"SELECT count(*)::text FROM yellow_tripdata WHERE store_and_fwd_flag", "3",
			"SELECT sum(pu_location_id)::text FROM yellow_tripdata WHERE passenger_count IS NULL", "106",
		},
	},
	{
		file: "dump.csv", rows: "16",
		types: "column_1 bigint!, sku text!, price numeric, in_stock boolean!, last_seen date, note text",
		answers: []string{
			"SELECT sum(column_1)::text FROM dump", "120",
			"SELECT count(*)::text FROM dump WHERE price IS NULL", "3",
			"SELECT price::text FROM dump WHERE column_1 = 15", "34.989999999999995",
			"SELECT count(*)::text FROM dump WHERE in_stock", "10",
			"SELECT max(last_seen)::text FROM dump", "2025-06-16",
		},
	},
	{
		file: "preisliste.csv", rows: "14",
		types: "artikel text!, menge bigint!, preis numeric!, geändert date!",
		answers: []string{
			"SELECT sum(preis)::text FROM preisliste", "9238.60",
			`SELECT "geändert"::text FROM preisliste WHERE menge = 2`, "2025-06-02",
		},
	},
}

func TestRealLayoutsLoadAsInferred(t *testing.T) {
	t.Parallel()
	for _, export := range exports {
		t.Run(export.file, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			table, err := infer.Look([]string{copyTo(t, dir, export.file)}, "")
			require.NoError(t, err)
			files, err := table.Files(dir)
			require.NoError(t, err)
			require.NoError(t, infer.Write(files, false))

			db := load(t, dir, files)
			db.await(export.rows, "SELECT count(*)::text FROM "+table.Name)
			db.require("0", "SELECT count(*)::text FROM "+table.Name+"_rejected")
			db.require(export.types, `SELECT string_agg(attname || ' ' || replace(replace(format_type(atttypid, atttypmod), ' with time zone', 'tz'), ' without time zone', '') || CASE WHEN attnotnull THEN '!' ELSE '' END, ', ' ORDER BY attnum)
				FROM pg_attribute WHERE attrelid = '`+table.Name+`'::regclass AND attnum > 0`)
			for i := 0; i < len(export.answers); i += 2 {
				db.require(export.answers[i+1], export.answers[i])
			}
		})
	}
}

func TestWhatIsAmbiguousIsSaid(t *testing.T) {
	t.Parallel()
	table := lookAt(t, "id,day,weight,price,ratio\n1,03/04/2025,\"1,234\",\"1,50\",2.500\n2,05/06/2025,\"2,345\",\"2,75\",1.250\n")
	report := reportOf(table)
	require.Contains(t, report, `AMBIGUOUS: day: "03/04/2025" is read as day/month; if the month comes first, write "%m/%d/%Y" in the mapping`)
	require.Contains(t, report, `AMBIGUOUS: weight: "1,234" is read as 1.234; it might be 1234`)
	require.Contains(t, report, `AMBIGUOUS: ratio: "2.500" is read as 2500, since other columns have decimal commas; it might have a decimal point`)
	require.NotContains(t, report, "AMBIGUOUS: price")

	report = reportOf(lookAt(t, "id,weight\n1,\"1,234\"\n2,\"2,345\"\n"))
	require.Contains(t, report, `AMBIGUOUS: weight: "1,234" is read as 1234; it might be 1.234`)
}

// copyTo copies a file of testdata, since the pipeline may move files.
func copyTo(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// lookAt infers from a content.
func lookAt(t *testing.T, content string) *infer.Table {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.csv")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	table, err := infer.Look([]string{path}, "")
	require.NoError(t, err)
	return table
}

func reportOf(table *infer.Table) string {
	var b strings.Builder
	table.Report(&b)
	return b.String()
}

// database is where a pipeline writes.
type database struct {
	t    *testing.T
	conn *pgx.Conn
}

// load runs the pipeline among the files until the test ends.
func load(t *testing.T, dir string, files []infer.File) *database {
	t.Helper()
	dsn := postgrestest.NewDatabase(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), "SET timezone = 'UTC'")
	require.NoError(t, err)

	builder := service.NewStreamBuilder()
	builder.SetEnvVarLookupFunc(func(name string) (string, bool) {
		value, ok := map[string]string{"POSTGRES_DSN": dsn, "STATE_DIR": filepath.Join(dir, "state")}[name]
		return value, ok
	})
	require.NoError(t, builder.SetYAML(files[len(files)-1].Content), "the linter has a remark")
	require.NoError(t, builder.SetLoggerYAML("level: none"))
	stream, err := builder.Build()
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	t.Cleanup(func() {
		require.NoError(t, stream.Stop(context.Background()))
		<-ended
	})
	return &database{t, conn}
}

func (d *database) ask(sql string) (answer string, err error) {
	err = d.conn.QueryRow(d.t.Context(), sql).Scan(&answer)
	return answer, err
}

func (d *database) await(want, sql string) {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		got, err := d.ask(sql)
		return err == nil && got == want
	}, 30*time.Second, 20*time.Millisecond, sql)
}

func (d *database) require(want, sql string) {
	d.t.Helper()
	got, err := d.ask(sql)
	require.NoError(d.t, err, sql)
	require.Equal(d.t, want, got, sql)
}
