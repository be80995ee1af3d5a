package positions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

const (
	journalName = "positions.log"
	newName     = journalName + ".new"
	lockName    = "lock"
	// journalHeader is the first line.
	journalHeader = "csv_watch positions, version 2\n"
	// journalHeader1 is that of versions whose entries have Entry.Legacy in place of Entry.Content.
	journalHeader1 = "csv_watch positions, version 1\n"
	// compactAbove is the least size at which a journal that has grown to four times its live content is written anew.
	compactAbove = 1 << 20
)

// Dir is a Store in a local directory of its own.
//
// It is one journal: a save appends the changed lines and makes them durable with a single flush to the disk, however
// many files it covers. When most of the journal is history it is replaced by a new one, written aside, flushed, and
// renamed over it. A crash at any moment leaves the old or the new journal, and at most a torn last line.
type Dir struct {
	path    string
	lock    *flock.Flock
	locked  os.FileInfo // the file of lock
	journal *os.File
	size    int64
	compact int64 // the size from which the journal is written anew
	live    func() []Entry
	handed  handedLog
	broken  bool // the journal's end is unknown: it is written anew before anything is appended
}

// OpenDir makes the directory if needed and locks it for this process. The error wraps ErrInUse when another one has
// it.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("making the checkpoint directory: %w", err)
	}
	d := &Dir{path: path, handed: handedLog{path: filepath.Join(path, handedName)}}
	if err := d.takeLock(); err != nil {
		return nil, err
	}
	return d, nil
}

// Load implements Store.
func (d *Dir) Load(_ context.Context, live func() []Entry) ([]Entry, string, error) {
	entries, size, bad, torn, err := replayFile(d.file(journalName))
	if err != nil {
		return nil, "", fmt.Errorf("reading positions: %w", err)
	}
	warning := ""
	switch {
	case bad > 0:
		warning = fmt.Sprintf("%s has %d damaged or foreign lines: they are left out, and files that have no other line there are read anew", d.file(journalName), bad)
	case torn:
		warning = fmt.Sprintf("the last line of %s was torn by a crash: it is left out", d.file(journalName))
	}
	d.live = live
	// If it cannot be written now, it is tried again with the first handing out.
	if err := d.handed.open(entries); err != nil && !errors.Is(err, syscall.ENOSPC) {
		return nil, "", fmt.Errorf("reading what was handed out: %w", err)
	}
	if bad > 0 || torn || size == 0 {
		// If it does not work now, as on a full disk, it is tried again with the first save.
		_ = d.rewrite(entries)
		return entries, warning, nil
	}
	if d.journal, err = os.OpenFile(d.file(journalName), os.O_WRONLY, 0); err != nil {
		return nil, "", fmt.Errorf("opening positions: %w", err)
	}
	d.size = size
	d.compact = max(compactAbove, d.size)
	return entries, warning, nil
}

// Save implements Store. What it returns nil for survives a crash of the machine.
func (d *Dir) Save(_ context.Context, changed []Entry, gone []Channel) error {
	if d.isLost() {
		if err := d.regain(); err != nil {
			return err
		}
		// Nobody is to believe that all is as it was: the next save, which comes soon, writes everything anew.
		return fmt.Errorf("saving positions: %s was deleted or replaced while it was in use", d.file(journalName))
	}
	if d.broken {
		if err := d.regain(); err != nil {
			return err
		}
		return d.rewrite(d.live())
	}
	var text []byte
	var err error
	for i := range changed {
		if text, err = appendLine(text, change{Entry: &changed[i]}); err != nil {
			return err
		}
	}
	for i := range gone {
		if text, err = appendLine(text, change{Gone: &gone[i]}); err != nil {
			return err
		}
	}
	if len(text) == 0 {
		return nil
	}
	if err := d.append(text); err != nil {
		return fmt.Errorf("saving positions: %w", err)
	}
	d.handed.settle(changed, gone)
	if d.size > d.compact {
		return d.rewrite(d.live())
	}
	return nil
}

// Hand implements Store.
func (d *Dir) Hand(_ context.Context, marks []Handed) error {
	if err := d.handed.hand(marks); err != nil {
		return fmt.Errorf("noting what is handed out: %w", err)
	}
	return nil
}

func (d *Dir) append(text []byte) error {
	_, err := d.journal.WriteAt(text, d.size)
	if err == nil {
		err = d.journal.Sync()
	}
	if err != nil {
		// After a failed flush nobody can say what is on the disk. A whole new journal can.
		d.broken = true
		// Space may be short, and the torn lines are of no use.
		_ = d.journal.Truncate(d.size)
		return err
	}
	d.size += int64(len(text))
	return nil
}

// rewrite replaces the journal by one of these entries only.
func (d *Dir) rewrite(entries []Entry) error {
	text := []byte(journalHeader)
	var err error
	for i := range entries {
		if text, err = appendLine(text, change{Entry: &entries[i]}); err != nil {
			return err
		}
	}
	if err := d.replace(text); err != nil {
		d.broken = true
		return fmt.Errorf("saving positions: %w", err)
	}
	_ = d.handed.rewrite() // it may have been lost with the journal, and is tried again with the next handing out
	d.size, d.broken = int64(len(text)), false
	d.compact = max(compactAbove, 4*d.size)
	return nil
}

// replace puts a file with this text in the place of the journal, durably, and opens it for appending.
func (d *Dir) replace(text []byte) error {
	aside := d.file(newName)
	if err := writeDurably(aside, text); err != nil {
		_ = os.Remove(aside)
		return err
	}
	if d.journal != nil {
		// Windows does not rename over an open file.
		d.journal.Close()
		d.journal = nil
	}
	if err := os.Rename(aside, d.file(journalName)); err != nil {
		return err
	}
	if err := syncDir(d.path); err != nil {
		return err
	}
	var err error
	d.journal, err = os.OpenFile(d.file(journalName), os.O_WRONLY, 0)
	return err
}

func writeDurably(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Close implements Store.
func (d *Dir) Close() error {
	var err error
	if d.journal != nil {
		err = d.journal.Close()
	}
	d.handed.closeFile()
	return errors.Join(err, d.lock.Close())
}

// FilesOf are the files that a Dir has in its directory.
func FilesOf(path string) []string {
	var files []string
	for _, name := range []string{journalName, newName, lockName, handedName, handedName + ".new"} {
		files = append(files, filepath.Join(path, name))
	}
	return files
}

func (d *Dir) file(name string) string { return filepath.Join(d.path, name) }
