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

// Files are written under names that people and watchers look past: hidden,
// and with an extension that says what they are.
const (
	temporaryPrefix = ".csv_files-"
	temporarySuffix = ".tmp"
)

var temporaryName = regexp.MustCompile(`^\.csv_files-[0-9a-f]{16}\.tmp$`)

// staleAfter is how long a temporary file has to have been left alone for it to
// be somebody's who is dead. Taking one from somebody who is only very slow
// does no harm: their batch fails, and is tried again.
const staleAfter = 10 * time.Minute

// createTemporary makes a new file in dir, readable by whom the umask allows.
func createTemporary(dir string) (*os.File, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails, see crypto/rand
	name := temporaryPrefix + hex.EncodeToString(random[:]) + temporarySuffix
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
}

// removeStale removes what killed processes left in dir, of our own kind and
// not touched for staleAfter, and says how many. A directory that does not
// exist has none.
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
			continue // gone in the meantime, or at work
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err == nil {
			removed++
		} else if !errors.Is(err, fs.ErrNotExist) {
			failures = append(failures, fmt.Errorf("removing a stale temporary file: %w", err))
		}
	}
	return removed, errors.Join(failures...)
}
