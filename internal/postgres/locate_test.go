package postgres

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeMachine describes what is installed where on a machine.
type fakeMachine struct {
	path     map[string]string   // program on the PATH -> where
	links    map[string]string   // symbolic link -> target
	servers  map[string]string   // folder with postgres and initdb -> what postgres --version says
	files    []string            // whatever else exists
	globs    map[string][]string // pattern -> matches
	bindir   string              // of pg_config
	fetched  string              // folder that a download yields
	fetchErr error
}

func (p fakeMachine) machine(downloads *int) machine {
	return machine{
		lookPath: func(name string) (string, error) {
			if path, ok := p.path[name]; ok {
				return path, nil
			}
			return "", exec.ErrNotFound
		},
		resolve: func(path string) (string, error) {
			if target, ok := p.links[path]; ok {
				return target, nil
			}
			return path, nil
		},
		glob: func(pattern string) ([]string, error) { return p.globs[pattern], nil },
		exists: func(path string) bool {
			_, ok := p.servers[filepath.Dir(path)]
			return ok || slices.Contains(p.files, path)
		},
		output: func(_ context.Context, path string, args ...string) (string, error) {
			if args[0] == "--bindir" {
				return p.bindir + "\n", nil
			}
			if version := p.servers[filepath.Dir(path)]; version != "" {
				return version, nil
			}
			return "", errors.New("permission denied")
		},
		download: func(context.Context, Options) (string, error) {
			*downloads++
			return p.fetched, p.fetchErr
		},
	}
}

func version(v string) string { return "postgres (PostgreSQL) " + v + "\n" }

func TestBinariesAreFoundInOrder(t *testing.T) {
	t.Parallel()
	if os.PathSeparator != '/' {
		t.Skip("the fake machines have slashes in their paths")
	}
	debian := map[string][]string{
		"/usr/lib/postgresql/*/bin": {"/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/9.6/bin"},
	}
	tests := map[string]struct {
		machine    fakeMachine
		dir        string
		version    string
		downloaded bool
	}{
		"the PATH comes first": {
			machine: fakeMachine{
				path:    map[string]string{"postgres": "/opt/pg/bin/postgres", "pg_config": "/usr/bin/pg_config"},
				bindir:  "/usr/lib/postgresql/15/bin",
				globs:   debian,
				servers: map[string]string{"/opt/pg/bin": version("14.1"), "/usr/lib/postgresql/15/bin": version("15.2")},
			},
			dir: "/opt/pg/bin", version: "14.1",
		},
		"a link on the PATH leads to the programs beside its target": {
			machine: fakeMachine{
				path:    map[string]string{"postgres": "/usr/local/bin/postgres"},
				links:   map[string]string{"/usr/local/bin/postgres": "/srv/pg/bin/postgres"},
				files:   []string{"/usr/local/bin/postgres"},
				servers: map[string]string{"/srv/pg/bin": version("16.3")},
			},
			dir: "/srv/pg/bin", version: "16.3",
		},
		"pg_config comes second": {
			machine: fakeMachine{
				path:    map[string]string{"pg_config": "/usr/bin/pg_config"},
				bindir:  "/usr/lib/postgresql/15/bin",
				globs:   debian,
				servers: map[string]string{"/usr/lib/postgresql/17/bin": version("17.0"), "/usr/lib/postgresql/15/bin": version("15.2 (Debian 15.2-1)")},
			},
			dir: "/usr/lib/postgresql/15/bin", version: "15.2",
		},
		"pg_config of a machine with the client library only is passed over": {
			machine: fakeMachine{
				path:    map[string]string{"pg_config": "/usr/bin/pg_config"},
				bindir:  "/usr/bin",
				files:   []string{"/usr/bin/pg_config", "/usr/bin/psql"},
				globs:   map[string][]string{"/usr/pgsql-*/bin": {"/usr/pgsql-16/bin"}},
				servers: map[string]string{"/usr/pgsql-16/bin": version("16.1")},
			},
			dir: "/usr/pgsql-16/bin", version: "16.1",
		},
		"the highest version of several is taken": {
			machine: fakeMachine{
				globs: debian,
				servers: map[string]string{
					"/usr/lib/postgresql/9.6/bin": version("9.6.24"),
					"/usr/lib/postgresql/15/bin":  version("15.2"),
					"/usr/lib/postgresql/17/bin":  version("17.0"),
				},
			},
			dir: "/usr/lib/postgresql/17/bin", version: "17.0",
		},
		"one that does not run gives way to the next": {
			machine: fakeMachine{
				globs:   debian,
				servers: map[string]string{"/usr/lib/postgresql/17/bin": "", "/usr/lib/postgresql/15/bin": version("15.2")},
			},
			dir: "/usr/lib/postgresql/15/bin", version: "15.2",
		},
		"Homebrew is known": {
			machine: fakeMachine{
				globs:   map[string][]string{"/opt/homebrew/opt/postgresql@*/bin": {"/opt/homebrew/opt/postgresql@14/bin", "/opt/homebrew/opt/postgresql@16/bin"}},
				links:   map[string]string{"/opt/homebrew/opt/postgresql@16/bin": "/opt/homebrew/Cellar/postgresql@16/16.2/bin"},
				servers: map[string]string{"/opt/homebrew/Cellar/postgresql@16/16.2/bin": version("16.2 (Homebrew)")},
			},
			dir: "/opt/homebrew/Cellar/postgresql@16/16.2/bin", version: "16.2",
		},
		"a beta is a version too": {
			machine: fakeMachine{
				path:    map[string]string{"postgres": "/opt/pg/bin/postgres"},
				servers: map[string]string{"/opt/pg/bin": version("19beta1")},
			},
			dir: "/opt/pg/bin", version: "19beta1",
		},
		"one too old leads to the download": {
			machine: fakeMachine{
				path:    map[string]string{"postgres": "/opt/pg/bin/postgres"},
				servers: map[string]string{"/opt/pg/bin": version("9.6.24"), "/cache/17/bin": version("17.5")},
				fetched: "/cache/17/bin",
			},
			dir: "/cache/17/bin", version: "17.5", downloaded: true,
		},
		"nothing installed leads to the download": {
			machine: fakeMachine{
				servers: map[string]string{"/cache/17/bin": version("17.5")},
				fetched: "/cache/17/bin",
			},
			dir: "/cache/17/bin", version: "17.5", downloaded: true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var downloads int
			bin, err := find(t.Context(), test.machine.machine(&downloads), Options{})
			require.NoError(t, err)
			require.Equal(t, Binaries{Dir: test.dir, Version: test.version}, bin)
			require.Equal(t, test.downloaded, downloads == 1)
		})
	}
}

func TestTheWantedVersionIsFoundOrDownloaded(t *testing.T) {
	t.Parallel()
	if os.PathSeparator != '/' {
		t.Skip("the fake machines have slashes in their paths")
	}
	m := fakeMachine{
		path:    map[string]string{"postgres": "/opt/pg/bin/postgres"},
		globs:   map[string][]string{"/usr/lib/postgresql/*/bin": {"/usr/lib/postgresql/15/bin"}},
		servers: map[string]string{"/opt/pg/bin": version("18.1"), "/usr/lib/postgresql/15/bin": version("15.2"), "/cache/13/bin": version("13.21")},
		fetched: "/cache/13/bin",
	}
	for wanted, dir := range map[string]string{"": "/opt/pg/bin", "18": "/opt/pg/bin", "15": "/usr/lib/postgresql/15/bin", "13": "/cache/13/bin"} {
		var downloads int
		bin, err := find(t.Context(), m.machine(&downloads), Options{Version: wanted})
		require.NoError(t, err)
		require.Equal(t, dir, bin.Dir)
		require.Equal(t, wanted == "13", downloads == 1)
	}
	m.fetchErr = errors.New("no route to host")
	_, err := find(t.Context(), m.machine(new(int)), Options{Version: "13"})
	require.ErrorContains(t, err, "/opt/pg/bin: version 18.1 is not 13; /usr/lib/postgresql/15/bin: version 15.2 is not 13; downloading: no route to host")
}

func TestWithoutPostgreSQLTheErrorSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	var downloads int
	offline := errors.New("no route to host")
	_, err := find(t.Context(), fakeMachine{
		path:     map[string]string{"postgres": "/opt/pg/bin/postgres"},
		servers:  map[string]string{"/opt/pg/bin": version("9.6.24")},
		fetchErr: offline,
	}.machine(&downloads), Options{})
	require.ErrorIs(t, err, offline)
	for _, part := range []string{
		"apt install postgresql", "brew install postgresql", "--dsn", "TEST_POSTGRES_DSN",
		"/opt/pg/bin: version 9.6.24 is older than 12",
	} {
		require.ErrorContains(t, err, part)
	}
}

func TestACancelledSearchReturnsTheContextsError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, m := range map[string]fakeMachine{
		"one is installed":  {path: map[string]string{"postgres": "/opt/pg/bin/postgres"}, servers: map[string]string{"/opt/pg/bin": ""}},
		"none is installed": {fetchErr: ctx.Err()},
		"one is downloaded": {servers: map[string]string{"/cache/17/bin": ""}, fetched: "/cache/17/bin"},
	} {
		_, err := find(ctx, m.machine(new(int)), Options{})
		require.Equal(t, context.Canceled, err, name)
	}
}

func TestTheBinariesOfThisMachineRun(t *testing.T) {
	t.Parallel()
	acct, err := serverAccount()
	require.NoError(t, err)
	m := thisMachine(acct)
	dirs := m.installed(t.Context())
	if len(dirs) == 0 {
		t.Skip("no PostgreSQL is installed on this machine: it is downloaded")
	}
	bin, err := m.inspect(t.Context(), dirs[0])
	require.NoError(t, err)
	require.NotEmpty(t, bin.Version)
}

func TestADSNKeepsItsFormWithAnotherDatabase(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:p%40ss@h:5432/shop?sslmode=disable": "postgres://u:p%40ss@h:5432/new?sslmode=disable",
		"postgresql://h": "postgresql://h/new",
		"postgres://h?dbname=shop&sslmode=prefer": "postgres://h/new?sslmode=prefer",
		"host=h dbname=shop user='a b'":           "host=h dbname=shop user='a b' dbname=new",
	} {
		got, err := withDatabase(dsn, "new")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := withDatabase("postgres://u:secret%zz@h/shop", "new")
	require.EqualError(t, err, "the DSN is not a valid URL")
	require.NotContains(t, strings.ToLower(err.Error()), "secret")
}
