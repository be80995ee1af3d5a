package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
)

// makeDir makes the server's directory and gives it to its account. Where the
// caller has no wish, the system's other temporary directories are tried too:
// root's own may be closed to the account.
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
	if !acct.canUse(ctx, dir) {
		return "", fmt.Errorf("%s cannot be entered by the user that PostgreSQL runs as", parent)
	}
	return dir, nil
}
