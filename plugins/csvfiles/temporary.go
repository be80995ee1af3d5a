package csvfiles

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Temporary names are hidden, so that people and watchers ignore them.
const (
	temporaryPrefix = ".csv_files-"
	temporarySuffix = ".tmp"
)

var temporaryName = regexp.MustCompile(`^\.csv_files-[0-9a-f]{16}\.tmp$`)

// staleAfter is how long a temporary file must be unchanged to be removed. If its
// writer is only slow, the batch fails and is sent again.
const staleAfter = 10 * time.Minute

// createTemporary makes a new file in dir with the permissions that the umask
// allows; os.CreateTemp would make it private.
func createTemporary(dir string) (*os.File, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails, see crypto/rand
	name := temporaryPrefix + hex.EncodeToString(random[:]) + temporarySuffix
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
}

// removeStale removes the temporary files in dir that are older than staleAfter,
// and returns their number. dir need not exist.
func removeStale(dir string, now time.Time) (removed int, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("looking for stale temporary files: %w", err)
	}
	var failures []error
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !temporaryName.MatchString(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if err != nil || now.Sub(info.ModTime()) < staleAfter {
			continue // already gone, or in use
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err == nil {
			removed++
		} else if !errors.Is(err, fs.ErrNotExist) {
			failures = append(failures, fmt.Errorf("removing a stale temporary file: %w", err))
		}
	}
	return removed, errors.Join(failures...)
}
