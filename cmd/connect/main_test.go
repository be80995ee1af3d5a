package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ecommerce-ingest/connect/internal/postgres"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"connect": main})
}

// TestScripts tests the command line as users type it. In addition to testscript's
// commands, the scripts have:
//
//	postgres NAME         starts a throwaway server and sets the variable NAME to its DSN
//	query DSN SQL ANSWER  compares the result of a query
//	lock DSN TABLE        locks a table of the database that a demo created on the server
//	await PATTERN         waits until a file exists
func TestScripts(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", filepath.ToSlash(root))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"postgres": startServer,
			"query":    query,
			"lock":     lock,
			"await":    await,
		},
	})
}

func startServer(ts *testscript.TestScript, _ bool, args []string) {
	server, err := postgres.Start(context.Background(), postgres.Options{})
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Stop(context.Background())) })
	ts.Setenv(args[0], server.DSN())
}

func query(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, args[0])
	ts.Check(err)
	defer conn.Close(ctx)
	var answer string
	ts.Check(conn.QueryRow(ctx, args[1]).Scan(&answer))
	if answer != args[2] {
		ts.Fatalf("%s: got %q, want %q", args[1], answer, args[2])
	}
}

func lock(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, args[0])
	ts.Check(err)
	var name string
	ts.Check(conn.QueryRow(ctx, "SELECT datname FROM pg_database WHERE datname LIKE 'connect_%'").Scan(&name))
	ts.Check(conn.Close(ctx))

	config, err := pgx.ParseConfig(args[0])
	ts.Check(err)
	config.Database = name
	conn, err = pgx.ConnectConfig(ctx, config)
	ts.Check(err)
	ts.Defer(func() { _ = conn.Close(ctx) })
	_, err = conn.Exec(ctx, "BEGIN; LOCK TABLE "+pgx.Identifier{args[1]}.Sanitize())
	ts.Check(err)
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		found, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		if len(found) > 0 && !strings.HasPrefix(filepath.Base(found[0]), ".") {
			return
		}
	}
	ts.Fatalf("%s did not appear", args[0])
}
