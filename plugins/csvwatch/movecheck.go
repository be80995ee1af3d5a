package csvwatch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/discover"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// moveCheckLimit is how long checkMove is waited for, since a file system may not answer.
const moveCheckLimit = 10 * time.Second

// checkMove rejects a directory for finished files whose files would be read. Its own path is not watched, but a symbolic
// link may lead to it, too.
func (c *config) checkMove() error {
	if c.moveOnFinish == "" {
		return nil
	}
	done, err := filepath.Abs(c.moveOnFinish)
	if err != nil {
		return fmt.Errorf("finding move_on_finish: %w", err)
	}
	there, rest := nearest(done)
	st, err := fileid.Of(there)
	if err != nil {
		return fmt.Errorf("finding move_on_finish: %w", err)
	}
	if !st.Mode.IsDir() {
		return fmt.Errorf("move_on_finish is %s, but %s is not a directory: name another path", c.moveOnFinish, there)
	}
	f := finder{patterns: c.patterns, done: done, there: st.ID, rest: rest, entered: map[fileid.ID]bool{}}
	for _, base := range c.patterns.Bases() { // which need not exist yet
		var err error
		if from, absErr := filepath.Abs(base); absErr == nil && from == done {
			err = f.check(base)
		} else {
			err = f.walk(base)
		}
		if err != nil {
			return fmt.Errorf("move_on_finish is %s, %w", c.moveOnFinish, err)
		}
	}
	return nil
}

// nearest splits a path behind the part that exists.
func nearest(path string) (there, rest string) {
	for there = path; ; there = filepath.Dir(there) {
		_, err := os.Stat(there)
		isMissing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
		if !isMissing || there == filepath.Dir(there) {
			return there, rest
		}
		rest = filepath.Join(filepath.Base(there), rest)
	}
}

// finder looks for ways to a directory in what is watched.
type finder struct {
	patterns *discover.Patterns
	done     string    // the directory
	there    fileid.ID // of the part of it that exists
	rest     string    // of its path, below there
	entered  map[fileid.ID]bool
}

// walk looks at a directory and what is below it. What cannot be read is none of its business.
func (f *finder) walk(dir string) error {
	st, err := fileid.Of(dir)
	if err != nil || !st.Mode.IsDir() {
		return nil
	}
	if st.ID == f.there {
		if err := f.check(filepath.Join(dir, f.rest)); err != nil {
			return err
		}
	}
	if f.entered[st.ID] {
		return nil
	}
	f.entered[st.ID] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if (e.IsDir() || e.Type()&fs.ModeSymlink != 0) && f.patterns.Enters(path) {
			if err := f.walk(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// check looks at a path that leads to the directory.
func (f *finder) check(path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	for _, base := range f.patterns.Bases() {
		if path == base {
			return errors.New("where files are read from: name another directory, such as one in it")
		}
	}
	if abs != f.done && f.patterns.Enters(path) {
		return fmt.Errorf("which is watched as %s by way of a symbolic link: name a directory that no pattern of paths leads to", path)
	}
	return nil
}
