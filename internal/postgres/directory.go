package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// makeDir makes the server's directory under parent and gives it to the account.
// An empty parent stands for the first suitable temporary directory, since the
// account may have no access to root's own.
func makeDir(ctx context.Context, parent string, acct *account) (string, error) {
	parents := []string{parent}
	if parent == "" {
		parents = []string{os.TempDir()}
		if runtime.GOOS != "windows" {
			parents = append(parents, "/tmp", "/var/tmp")
		}
	}
	var failures []error
	for _, parent := range parents {
		dir, err := makeDirIn(ctx, parent, acct)
		if err == nil {
			return dir, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		failures = append(failures, err)
	}
	return "", errors.Join(failures...)
}

func makeDirIn(ctx context.Context, parent string, acct *account) (_ string, err error) {
	dir, err := os.MkdirTemp(parent, "connect-postgres-")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(dir))
		}
	}()
	if err := acct.own(dir); err != nil {
		return "", err
	}
	err = acct.checkAccess(ctx, dir)
	if errors.Is(err, fs.ErrPermission) {
		return "", fmt.Errorf("%s cannot be entered by the user that PostgreSQL runs as", parent)
	}
	if err != nil {
		return "", fmt.Errorf("checking access to %s: %w", parent, err)
	}
	return dir, nil
}
