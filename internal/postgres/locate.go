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

// minMajor is the oldest PostgreSQL that its makers still mend, less a little
// kindness to long-lived distributions.
const minMajor = 12

// Binaries is a folder of PostgreSQL's programs.
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

// usualPlaces are patterns of folders in which packages put the server's
// programs without putting them on the PATH. Of the matches of one pattern the
// highest version is looked at first.
var usualPlaces = []string{
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

// machine is what finding binaries asks of the system, so that a test can be
// any system.
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

// find returns the first PostgreSQL of the wanted version that runs here:
// installed, else downloaded.
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
	return fmt.Errorf("no PostgreSQL to run: install the server (Debian, Ubuntu: apt install postgresql; "+
		"Red Hat, Fedora: dnf install postgresql-server; macOS: brew install postgresql), "+
		"or name one that is running (--dsn for the demo, TEST_POSTGRES_DSN for the tests), "+
		"or let this machine reach the download%s; downloading: %w", tried, downloading)
}

// installed lists the folders with both of the programs we need, in the order
// in which they are to be tried, each once.
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
		// A link on the PATH leads to where its siblings are.
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
	for _, pattern := range usualPlaces {
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

// majorOf gives the number that a version begins with.
func majorOf(version string) string { return numbers.FindString(version) }

// newestFirst orders folders by the numbers in their names, 15 before 9.6.
func newestFirst(a, b string) int {
	return slices.CompareFunc(numbers.FindAllString(b, -1), numbers.FindAllString(a, -1), func(x, y string) int {
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		return m - n
	})
}

// inspect runs the server to learn its version, which also shows that the user
// it is to run as may and can run it.
func (m machine) inspect(ctx context.Context, dir string) (Binaries, error) {
	out, err := m.output(ctx, filepath.Join(dir, executable("postgres")), "--version")
	if err != nil {
		return Binaries{}, fmt.Errorf("asking for its version: %w", err)
	}
	match := serverVersion.FindStringSubmatch(out)
	if match == nil {
		return Binaries{}, fmt.Errorf("its version is not understood: %q", strings.TrimSpace(out))
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
