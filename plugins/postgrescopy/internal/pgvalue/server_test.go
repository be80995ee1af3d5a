package pgvalue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
)

// server is a connection to a database of the test's own.
type server struct {
	tb    testing.TB
	conn  *pgx.Conn
	major int
}

func newServer(tb testing.TB) *server {
	tb.Helper()
	ctx := context.Background()
	config, err := pgx.ParseConfig(postgrestest.NewDatabase(tb))
	require.NoError(tb, err)
	config.RuntimeParams["timezone"] = "UTC"
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // tables come and go under one name
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	conn, err := pgx.ConnectConfig(ctx, config)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close(ctx) })
	s := &server{tb: tb, conn: conn}
	row := conn.QueryRow(ctx, "select current_setting('server_version_num')::int4 / 10000")
	require.NoError(tb, row.Scan(&s.major))
	return s
}

// lacks reports whether the server is older than a type, or than a value of it.
func (s *server) lacks(typ string, v any) bool {
	text := strings.ToLower(fmt.Sprint(v))
	switch {
	case strings.Contains(typ, "multirange"):
		return s.major < 14
	case typ == "numeric(2,-3)" || typ == "numeric(2,5)":
		return s.major < 15
	case typ == "interval" && text == "3000000000 us":
		return s.major < 15
	case strings.HasPrefix(typ, "num") && strings.Contains(text, "inf"):
		return s.major < 14
	}
	return false
}

// reads reports whether the server is new enough to read an integer's text that older ones refuse.
func (s *server) reads(v any) bool {
	return s.major >= 16 && (v == "0x2A" || v == "1_000")
}

func (s *server) exec(sql string) {
	s.tb.Helper()
	_, err := s.conn.Exec(context.Background(), sql)
	require.NoError(s.tb, err, sql)
}

// table makes an empty table with one column of a type, and the column's writer.
func (s *server) table(name, typ string) *Column {
	s.tb.Helper()
	s.exec("drop table if exists " + name + "; create temp table " + name + " (v " + typ + ")")
	var oid uint32
	var typmod int32
	row := s.conn.QueryRow(context.Background(), "select atttypid, atttypmod from pg_attribute where attrelid = '"+name+"'::regclass and attnum = 1")
	require.NoError(s.tb, row.Scan(&oid, &typmod))
	types, err := Load(context.Background(), s.conn, []uint32{oid})
	require.NoError(s.tb, err)
	column, err := types.Column("v", oid, typmod)
	require.NoError(s.tb, err)
	return column
}

// copyFields lands fields, each as Append wrote it, in the table's only column
// by one binary COPY: straight, or as text that the server casts.
func (s *server) copyFields(table string, column *Column, fields ...[]byte) error {
	target := table
	if column.Text {
		s.exec("drop table if exists staged; create temp table staged (v text)")
		target = "staged"
	}
	buf := []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, field := range fields {
		buf = append(append(buf, 0, 1), field...)
	}
	buf = append(buf, 0xff, 0xff)
	_, err := s.conn.PgConn().CopyFrom(context.Background(), bytes.NewReader(buf), "copy "+target+" from stdin (format binary)")
	if err == nil && column.Text {
		_, err = s.conn.Exec(context.Background(), "insert into "+table+" select v::"+column.Cast+" from staged")
	}
	return err
}

// field writes v as the sink does: what Append leaves to the server, it reads.
func (s *server) field(column *Column, v any) ([]byte, error) {
	field, err := column.Append(nil, v)
	var left *ValueError
	if !errors.As(err, &left) || left.Unread == "" {
		return field, err
	}
	fields, refused, err := column.Read(context.Background(), s.conn.PgConn(), "", []string{left.Unread})
	require.NoError(s.tb, err)
	if reason, ok := refused[0]; ok {
		return nil, errors.New(reason)
	}
	return fields[0], nil
}

// texts returns the column's values as text, in the order they were put in.
func (s *server) texts(table string) []string {
	s.tb.Helper()
	rows, err := s.conn.Query(context.Background(), "select coalesce(v::text, '<null>') from "+table)
	require.NoError(s.tb, err)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.tb, err)
	return texts
}

// land puts v into an empty table of this type by COPY and gives it as text.
func (s *server) land(typ string, v any) (string, error) {
	s.tb.Helper()
	column := s.table("landed", typ)
	field, err := s.field(column, v)
	if err != nil {
		return "", err
	}
	if err := s.copyFields("landed", column, field); err != nil {
		return "", err
	}
	return s.texts("landed")[0], nil
}

// quote makes a literal of SQL.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// refusal returns the error that the server sent, if it was that.
func refusal(err error) *pgconn.PgError {
	var refused *pgconn.PgError
	errors.As(err, &refused)
	return refused
}
