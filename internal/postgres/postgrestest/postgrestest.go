// Package postgrestest gives each test a database (NewDatabase) or a server
// (NewServer) of its own on a real PostgreSQL. Neither needs a TestMain.
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
// PostgreSQL to test on, such as 13. It is downloaded if it is not installed.
const VersionVariable = "TEST_POSTGRES_VERSION"

// timeout bounds each step, so that a test fails rather than hangs.
const timeout = 2 * time.Minute

// fastSettings are settings that trade durability for speed.
var fastSettings = map[string]string{
	"fsync":              "off",
	"synchronous_commit": "off",
	"full_page_writes":   "off",
}

// shared is the server of this test binary. The first test that needs it starts it,
// and its watchdog stops it when the binary ends.
var shared = sync.OnceValues(func() (*postgres.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if dsn := os.Getenv(DSNVariable); dsn != "" {
		return postgres.Start(ctx, postgres.Options{DSN: dsn, Version: os.Getenv(VersionVariable)})
	}
	return postgres.Start(ctx, postgres.Options{Version: os.Getenv(VersionVariable), Settings: fastSettings, Log: os.Stderr})
})

// NewDatabase returns the DSN of an empty database that is dropped when the test
// ends. Its server is the one that TEST_POSTGRES_DSN names, or else a throwaway one
// that all tests of the binary share. Tests may run in parallel.
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

// NewServer starts a throwaway server that the test may stop and restart, and stops
// it when the test ends. It has PostgreSQL's default, crash-safe settings apart from
// those given, and is never the server that TEST_POSTGRES_DSN names.
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
