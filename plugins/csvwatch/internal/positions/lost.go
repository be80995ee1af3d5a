package positions

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// isLost tells that the journal was deleted or replaced while it was open, most often with its directory: what is
// written to it then is kept nowhere.
func (d *Dir) isLost() bool {
	if d.journal == nil || d.broken {
		return false // it is written anew in any case
	}
	there, err := os.Stat(d.file(journalName))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	}
	ours, err := d.journal.Stat()
	return err == nil && !os.SameFile(there, ours)
}

// regain makes the directory and the lock again if they are gone. The error wraps ErrInUse when another process was
// faster; otherwise all is to be written anew.
func (d *Dir) regain() error {
	d.broken = true
	if err := os.MkdirAll(d.path, 0o755); err != nil {
		return fmt.Errorf("making the checkpoint directory: %w", err)
	}
	there, err := os.Stat(d.file(lockName))
	if err == nil && os.SameFile(there, d.locked) {
		return nil
	}
	lost := d.lock
	if err := d.takeLock(); err != nil {
		return err
	}
	return lost.Close()
}

// takeLock locks the directory for this process.
func (d *Dir) takeLock() error {
	lock := flock.New(d.file(lockName))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		return fmt.Errorf("checkpoint directory %s is %w: give each input a checkpoint_dir of its own", d.path, ErrInUse)
	}
	if err == nil {
		d.locked, err = os.Stat(d.file(lockName))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("locking the checkpoint directory: %w", err), lock.Close())
	}
	d.lock = lock
	return nil
}
