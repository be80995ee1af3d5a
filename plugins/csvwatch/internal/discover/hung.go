package discover

import (
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/timelimit"
)

// A file system may stop answering, and a call there not return for hours. So each call that may hang has a time limit.
// What exceeds it is left to its goroutine, and until that returns nothing is asked of the same path or the same device:
// what is known there stays as it is, and the other folders are scanned.

const (
	// hungAfter is the default of Scanner.HungAfter.
	hungAfter = 5 * time.Second
	// hungAgain is the most that it is while something hangs already.
	hungAgain = time.Second
	// mostHung bounds the goroutines that wait for a hung path. With that many, a scan waits for the next one too.
	mostHung = 64
	// lookBatch is how many files are looked at in one call.
	lookBatch = 64
)

// errHung is the error for a path that is passed over because it, or its device, hangs.
var errHung = errors.New("it does not answer")

// hung is a call that has not returned.
type hung struct {
	path string
	dev  uint64 // of path; 0 if unknown
	done <-chan struct{}
}

// Hangs reports whether a path is passed over because it does not answer.
func (s *Scanner) Hangs() bool { return len(s.hung) > 0 }

// isHung reports whether a path is to be passed over. dev is its device; 0 if that is unknown.
func (s *Scanner) isHung(path string, dev uint64) bool {
	for i := range s.hung {
		if h := &s.hung[i]; h.path == path || (dev != 0 && h.dev == dev) {
			return true
		}
	}
	return false
}

// ask makes a call to the file system. With errHung it has not returned, or was not made, and what it writes must not be
// read; once it returns, late is called, if not nil.
func (s *Scanner) ask(path string, dev uint64, call, late func()) error {
	if s.isHung(path, dev) {
		s.stale = true
		return errHung
	}
	limit := s.HungAfter
	switch {
	case len(s.hung) >= mostHung:
		limit = 1<<63 - 1
	case len(s.hung) > 0:
		limit = min(limit, hungAgain)
	}
	returned, done := timelimit.Run(limit, func() {
		if s.beforeCall != nil {
			s.beforeCall(path)
		}
		call()
	})
	if returned {
		return nil
	}
	if late != nil {
		go func() { <-done; late() }()
	}
	s.hung = append(s.hung, hung{path, dev, done})
	s.stale = true
	s.log.Warnf("%s does not answer: new files there, and elsewhere on its file system, are found once it does", path)
	return errHung
}

// endHangs ends the hangs that are over, and reports whether there was one: notifications may have been missed meanwhile.
func (s *Scanner) endHangs() bool {
	before := len(s.hung)
	still := s.hung[:0]
	for _, h := range s.hung {
		select {
		case <-h.done:
			s.log.Infof("%s answers again", h.path)
		default:
			still = append(still, h)
		}
	}
	s.hung = still
	return len(still) < before
}

// stat looks at a path. Symbolic links are followed.
func (s *Scanner) stat(path string, dev uint64) (fileid.Stat, error) {
	var a looked
	if err := s.ask(path, dev, func() { a.st, a.err = fileid.Of(path) }, nil); err != nil {
		return fileid.Stat{}, err
	}
	return a.st, a.err
}

// isDir reports whether a path leads to a directory.
func (s *Scanner) isDir(path string) (bool, error) {
	st, err := s.stat(path, 0)
	if errors.Is(err, errHung) {
		return false, err
	}
	return err == nil && st.Mode.IsDir(), nil
}

// isLink reports whether a path is a symbolic link.
func (s *Scanner) isLink(path string) bool {
	is := false
	hangs := s.ask(path, 0, func() {
		info, err := os.Lstat(path)
		is = err == nil && info.Mode()&fs.ModeSymlink != 0
	}, nil)
	return hangs == nil && is
}

// looked is how a file was when it was looked at.
type looked struct {
	st  fileid.Stat
	err error
}

// lookAll looks at files in a directory. The error is that of the directory.
func (s *Scanner) lookAll(d *dir, names iter.Seq[string]) error {
	batch := make([]string, 0, lookBatch)
	for name := range names {
		if k, known := d.files[name]; known && k.id.Dev != d.id.Dev {
			s.look(d, name, k.id.Dev) // a symbolic link
			continue
		}
		if batch = append(batch, name); len(batch) < lookBatch {
			continue
		}
		if err := s.lookAtBatch(d, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	return s.lookAtBatch(d, batch)
}

// lookAtBatch looks at files through their directory, which costs less than by their paths.
func (s *Scanner) lookAtBatch(d *dir, names []string) error {
	var err error
	found := make([]looked, len(names))
	hangs := s.ask(d.path, d.id.Dev, func() {
		var open *fileid.Dir
		if open, err = fileid.OpenDir(d.path); err != nil {
			return
		}
		defer open.Close()
		for i, name := range names {
			found[i].st, found[i].err = open.Of(name)
		}
	}, nil)
	if hangs != nil {
		return hangs
	}
	if err != nil {
		return err
	}
	for i, name := range names {
		s.take(d, name, found[i])
	}
	return nil
}

// look looks at one file. dev is the device that it is on; 0 if unknown.
func (s *Scanner) look(d *dir, name string, dev uint64) {
	st, err := s.stat(filepath.Join(d.path, name), dev)
	s.take(d, name, looked{st, err})
}

// listing is a directory that is being listed.
type listing struct {
	s    *Scanner
	d    *dir
	open *fileid.Dir
	left bool // to a call that hangs, which closes it
}

func (s *Scanner) openListing(d *dir) (*listing, error) {
	l := &listing{s: s, d: d}
	var err error
	closeLate := func() {
		if err == nil {
			_ = l.open.Close()
		}
	}
	if hangs := s.ask(d.path, d.id.Dev, func() { l.open, err = fileid.OpenDir(d.path) }, closeLate); hangs != nil {
		return nil, hangs
	}
	return l, err
}

// next returns more entries; the error is io.EOF at the end.
func (l *listing) next() (entries []fs.DirEntry, err error) {
	var list []fs.DirEntry
	var listErr error
	hangs := l.s.ask(l.d.path, l.d.id.Dev, func() { list, listErr = l.open.ReadDir(1024) }, func() { _ = l.open.Close() })
	if hangs != nil {
		l.left = true
		return nil, hangs
	}
	return list, listErr
}

func (l *listing) close() {
	switch {
	case l.left:
	case l.s.isHung(l.d.path, l.d.id.Dev):
		go l.open.Close()
	default:
		_ = l.s.ask(l.d.path, l.d.id.Dev, func() { _ = l.open.Close() }, nil)
	}
}
