package postgrescopy

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
)

// patient bounds what a test waits for, on a machine that may be busy.
const patient = 3 * time.Minute

// TestMain runs more tests at the same time than there are cores, unless -parallel
// says how many: most of their time they wait for a server.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// skipIfShort skips a test that takes seconds and does not depend on the server's
// version: with -short, CI runs the others on the oldest and the newest one.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds, and tests the same on every version of the server")
	}
}

// testDB is a database for one test, and a connection of the test's own.
type testDB struct {
	tb   testing.TB
	dsn  string
	conn *pgx.Conn
}

func newTestDB(tb testing.TB, schema ...string) *testDB {
	tb.Helper()
	return openTestDB(tb, postgrestest.NewDatabase(tb), schema...)
}

func openTestDB(tb testing.TB, dsn string, schema ...string) *testDB {
	tb.Helper()
	db := &testDB{tb: tb, dsn: dsn}
	db.reconnect()
	tb.Cleanup(func() { _ = db.conn.Close(context.Background()) })
	for _, sql := range schema {
		db.exec(sql)
	}
	return db
}

// newLedgerDB is newTestDB for tests of the ledger, which needs multiranges.
func newLedgerDB(tb testing.TB, schema ...string) *testDB {
	tb.Helper()
	db := newTestDB(tb)
	if !db.hasMultiranges() {
		tb.Skip("this server has no multiranges")
	}
	for _, sql := range schema {
		db.exec(sql)
	}
	return db
}

func (db *testDB) hasMultiranges() bool {
	db.tb.Helper()
	version, err := strconv.Atoi(db.value("SHOW server_version_num"))
	require.NoError(db.tb, err)
	return version >= conn.LedgerVersion
}

func (db *testDB) reconnect() {
	db.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	conn, err := pgx.Connect(ctx, db.dsn)
	require.NoError(db.tb, err)
	db.conn = conn
}

func (db *testDB) exec(sql string) {
	db.tb.Helper()
	_, err := db.conn.PgConn().Exec(context.Background(), sql).ReadAll()
	require.NoError(db.tb, err, sql)
}

// rows returns a query's rows, each as its values in text, separated by bars.
func (db *testDB) rows(sql string) []string {
	db.tb.Helper()
	session := conn.Session{Conn: db.conn.PgConn()}
	found, err := session.QueryText(context.Background(), sql)
	require.NoError(db.tb, err, sql)
	lines := make([]string, len(found))
	for i, row := range found {
		lines[i] = strings.Join(row, "|")
	}
	return lines
}

func (db *testDB) value(sql string) string {
	db.tb.Helper()
	rows := db.rows(sql)
	require.Len(db.tb, rows, 1, sql)
	return rows[0]
}

// testOutput is an output under test, and what it logs.
type testOutput struct {
	*copyOutput
	tb  testing.TB
	log *logBuffer
}

// logBuffer takes log lines from several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newTestOutput makes an output of YAML, to which the DSN is added.
func newTestOutput(tb testing.TB, dsn, yaml string) *testOutput {
	tb.Helper()
	parsed, err := spec().ParseYAML(fmt.Sprintf("dsn: %q\n%s", dsn, yaml), nil)
	require.NoError(tb, err)
	conf, err := configFromParsed(parsed)
	require.NoError(tb, err)
	log := &logBuffer{}
	logger := service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(log, nil)))
	o := &testOutput{newCopyOutput(conf, service.MockResources(service.MockResourcesOptUseLogger(logger))), tb, log}
	tb.Cleanup(func() { _ = o.Close(context.Background()) })
	return o
}

// connected is newTestOutput, connected.
func (db *testDB) connected(yaml string) *testOutput {
	db.tb.Helper()
	o := newTestOutput(db.tb, db.dsn, yaml)
	o.connect()
	return o
}

func (o *testOutput) connect() {
	o.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	require.NoError(o.tb, o.Connect(ctx))
}

// fields is a row as a message has it.
type fields = map[string]any

func batchOf(rows ...fields) service.MessageBatch {
	batch := make(service.MessageBatch, len(rows))
	for i, row := range rows {
		batch[i] = service.NewMessage(nil)
		batch[i].SetStructured(row)
	}
	return batch
}

// write writes rows and gives the reasons of those that were rejected, by their
// place in the batch. As the engine does, it connects again and sends the batch
// again when the output asks for that.
func (o *testOutput) write(rows ...fields) map[int]string {
	o.tb.Helper()
	return o.writeBatch(batchOf(rows...))
}

func (o *testOutput) writeBatch(batch service.MessageBatch) map[int]string {
	o.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	rejected, err := o.send(ctx, batch)
	require.NoError(o.tb, err)
	return rejected
}

// send is writeBatch for goroutines other than the test's.
func (o *testOutput) send(ctx context.Context, batch service.MessageBatch) (map[int]string, error) {
	indexed := batch.Copy()
	index := indexed.Index()
	for {
		err := o.WriteBatch(ctx, indexed)
		switch {
		case err == nil:
			return map[int]string{}, nil
		case err == service.ErrNotConnected:
			for err != nil {
				if err = o.Connect(ctx); ctx.Err() != nil {
					return nil, ctx.Err()
				}
			}
			continue
		}
		failed, ok := err.(*service.BatchError)
		if !ok {
			return nil, err
		}
		reasons := map[int]string{}
		failed.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
			if err != nil {
				reasons[i] = err.Error()
			}
			return true
		})
		return reasons, nil
	}
}

// randomText is text of so many bytes that does not compress.
func randomText(bytes int) string {
	b := make([]byte, bytes)
	for i := range b {
		b[i] = byte('!' + rand.IntN(90))
	}
	return string(b)
}
