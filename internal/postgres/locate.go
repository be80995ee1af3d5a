package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// minMajor is the oldest supported major version. It is older than what PostgreSQL
// maintains, for distributions with long support.
const minMajor = 12

// Binaries is a folder with PostgreSQL's programs.
type Binaries struct {
	Dir     string // holds at least postgres and initdb
	Version string // of the server, such as "15.18"
}

// tool returns the path of one of the programs.
func (b Binaries) tool(name string) string { return filepath.Join(b.Dir, executable(name)) }

func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// packageDirs are patterns of the folders where packages install the server's
// programs outside the PATH. Of the matches of a pattern, the highest version is
// tried first.
var packageDirs = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew, Apple silicon
	"/opt/homebrew/opt/postgresql/bin",                   //
	"/usr/local/opt/postgresql@*/bin",                    // Homebrew, Intel
	"/usr/local/opt/postgresql/bin",                      //
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // Homebrew, Linux
	"/usr/pgsql-*/bin",                                   // Red Hat, from PostgreSQL's own packages
	"/opt/rh/rh-postgresql*/root/usr/bin",                // Red Hat software collections
	"/usr/libexec/postgresql*",                           // Alpine
	"/usr/lib/postgresql*/bin",                           // SUSE
	"/usr/lib64/postgresql-*/bin",                        // Gentoo
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
	"/Library/PostgreSQL/*/bin",                          // EDB, macOS
	"/opt/local/lib/postgresql*/bin",                     // MacPorts
	`C:\Program Files\PostgreSQL\*\bin`,                  // EDB, Windows
}

// machine is the part of the system that find uses. Tests replace it.
type machine struct {
	lookPath func(name string) (string, error)
	resolve  func(path string) (string, error) // follows symbolic links
	glob     func(pattern string) ([]string, error)
	exists   func(path string) bool
	output   func(ctx context.Context, path string, args ...string) (string, error)
	download func(ctx context.Context, opts Options) (dir string, err error)
}

func thisMachine(acct *account) machine {
	return machine{
		lookPath: exec.LookPath,
		resolve:  filepath.EvalSymlinks,
		glob:     filepath.Glob,
		exists: func(path string) bool {
			_, err := os.Stat(path)
			return !errors.Is(err, fs.ErrNotExist)
		},
		output: func(ctx context.Context, path string, args ...string) (string, error) {
			out, err := acct.command(ctx, filepath.Dir(path), path, args...).Output()
			return string(out), err
		},
		download: download,
	}
}

// find returns the first installed PostgreSQL of the wanted version that runs, or
// else a downloaded one.
func find(ctx context.Context, m machine, opts Options) (Binaries, error) {
	var refused []string
	for _, dir := range m.installed(ctx) {
		bin, err := m.inspect(ctx, dir)
		if err == nil && opts.Version != "" && majorOf(bin.Version) != opts.Version {
			err = fmt.Errorf("version %s is not %s", bin.Version, opts.Version)
		}
		if err == nil {
			return bin, nil
		}
		if ctx.Err() != nil {
			return Binaries{}, ctx.Err()
		}
		refused = append(refused, fmt.Sprintf("%s: %v", dir, err))
	}

	dir, err := m.download(ctx, opts)
	if err == nil {
		var bin Binaries
		if bin, err = m.inspect(ctx, dir); err == nil {
			return bin, nil
		}
	}
	if ctx.Err() != nil {
		return Binaries{}, ctx.Err()
	}
	return Binaries{}, notFound(refused, err)
}

func notFound(refused []string, downloading error) error {
	var tried string
	if len(refused) > 0 {
		tried = "; not usable: " + strings.Join(refused, "; ")
	}
	return fmt.Errorf("found no PostgreSQL to run: install the server (Debian, Ubuntu: apt install postgresql; "+
		"Red Hat, Fedora: dnf install postgresql-server; macOS: brew install postgresql), "+
		"or name a running one (--dsn for the demo, TEST_POSTGRES_DSN for the tests), "+
		"or let this machine reach the download%s; downloading: %w", tried, downloading)
}

// installed returns the folders that hold postgres and initdb, in the order to try
// them.
func (m machine) installed(ctx context.Context) []string {
	var dirs []string
	consider := func(dir string) {
		if resolved, err := m.resolve(dir); err == nil {
			dir = resolved
		}
		if !slices.Contains(dirs, dir) &&
			m.exists(filepath.Join(dir, executable("postgres"))) &&
			m.exists(filepath.Join(dir, executable("initdb"))) {
			dirs = append(dirs, dir)
		}
	}

	if path, err := m.lookPath("postgres"); err == nil {
		// The PATH may hold a link to a program among others.
		if resolved, err := m.resolve(path); err == nil {
			consider(filepath.Dir(resolved))
		}
		consider(filepath.Dir(path))
	}
	if path, err := m.lookPath("pg_config"); err == nil {
		if out, err := m.output(ctx, path, "--bindir"); err == nil {
			consider(strings.TrimSpace(out))
		}
	}
	for _, pattern := range packageDirs {
		matches, _ := m.glob(pattern) // the patterns are well formed
		slices.SortStableFunc(matches, newestFirst)
		for _, dir := range matches {
			consider(dir)
		}
	}
	return dirs
}

var (
	numbers       = regexp.MustCompile(`\d+`)
	serverVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+\S*)`)
)

// majorOf returns the number that a version begins with.
func majorOf(version string) string { return numbers.FindString(version) }

// newestFirst sorts folders by the numbers in their names, 15 before 9.6.
func newestFirst(a, b string) int {
	return slices.CompareFunc(numbers.FindAllString(b, -1), numbers.FindAllString(a, -1), func(x, y string) int {
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		return m - n
	})
}

// inspect returns the version of the server's binary. It runs the binary as the
// account, which shows that it can.
func (m machine) inspect(ctx context.Context, dir string) (Binaries, error) {
	out, err := m.output(ctx, filepath.Join(dir, executable("postgres")), "--version")
	if err != nil {
		return Binaries{}, fmt.Errorf("asking for its version: %w", err)
	}
	match := serverVersion.FindStringSubmatch(out)
	if match == nil {
		return Binaries{}, fmt.Errorf("parsing its version: %q is not known", strings.TrimSpace(out))
	}
	if major, _ := strconv.Atoi(majorOf(match[1])); major < minMajor {
		return Binaries{}, fmt.Errorf("version %s is older than %d", match[1], minMajor)
	}
	return Binaries{Dir: dir, Version: match[1]}, nil
}

func psql(binDir string) string {
	if path, err := exec.LookPath("psql"); err == nil && path != "" {
		return "psql"
	}
	if path := filepath.Join(binDir, executable("psql")); binDir != "" && fileSize(path) > 0 {
		return path
	}
	return "psql"
}
