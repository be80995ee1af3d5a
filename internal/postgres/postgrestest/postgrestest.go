// Package postgrestest gives tests a real PostgreSQL without any setting up.
//
// A test takes a database of its own with NewDatabase, or a server of its own
// with NewServer when it means to stop or to break it. Neither needs a TestMain.
package postgrestest

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ecommerce-ingest/connect/internal/postgres"
)

// DSNVariable is the environment variable that names the server to test on.
// Its role must be allowed to create databases.
const DSNVariable = "TEST_POSTGRES_DSN"

// VersionVariable is the environment variable that names the major version of
// PostgreSQL to test on, such as 13. It is downloaded where it is not installed.
const VersionVariable = "TEST_POSTGRES_VERSION"

// timeout bounds one step of ours, so that a machine in trouble fails the test
// rather than hanging it.
const timeout = 2 * time.Minute

// hurried are settings for data that nobody will miss.
var hurried = map[string]string{
	"fsync":              "off",
	"synchronous_commit": "off",
	"full_page_writes":   "off",
}

// shared is the server of this test binary, started by the first test that
// needs it. Nobody stops it: its watchdog does when the binary ends.
var shared = sync.OnceValues(func() (*postgres.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if dsn := os.Getenv(DSNVariable); dsn != "" {
		return postgres.Start(ctx, postgres.Options{DSN: dsn, Version: os.Getenv(VersionVariable)})
	}
	return postgres.Start(ctx, postgres.Options{Version: os.Getenv(VersionVariable), Settings: hurried, Log: os.Stderr})
})

// NewDatabase returns the DSN of an empty database that is dropped when the
// test ends. The server is the one that TEST_POSTGRES_DSN names, else a
// throwaway one that all tests of the binary share. Tests may run in parallel.
func NewDatabase(tb testing.TB) string {
	tb.Helper()
	server, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	dsn, drop, err := server.CreateDatabase(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := drop(ctx); err != nil {
			tb.Error(err)
		}
	})
	return dsn
}

// NewServer starts a throwaway server for this test alone, to be stopped and
// restarted at will, and stops it when the test ends. It keeps PostgreSQL's
// own, crash-safe settings but for those given. It never is the server that
// TEST_POSTGRES_DSN names.
func NewServer(tb testing.TB, settings map[string]string) *postgres.Server {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	server, err := postgres.Start(ctx, postgres.Options{Version: os.Getenv(VersionVariable), Settings: settings})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			tb.Error(err)
		}
	})
	return server
}
