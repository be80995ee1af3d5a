package discover

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// Sink receives what is different.
type Sink interface {
	// Found reports a regular file that is new at its path, or has changed.
	Found(path string, st fileid.Stat)
	// Gone reports that the file is no longer at this path: deleted, renamed, or replaced by another one, which is
	// reported next.
	Gone(path string, id fileid.ID)
}

// Log takes what is said once to a person.
type Log interface {
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
}

// Scanner finds files. It is for one goroutine at a time.
type Scanner struct {
	patterns *Patterns
	sink     Sink
	log      Log
	// watch asks for notification of what happens in a directory and reports whether it can be relied on; nil for none.
	watch  func(dir string) bool
	forget func(dir string)

	dirs    map[string]*dir
	round   uint64
	checks  map[bool]*checks  // by whether notifications can be relied on
	looking time.Duration     // of the listing under way: at files that are new
	stale   bool              // the scan under way has passed by a directory that may have changed
	said    map[string]string // by path: the last thing said about it

	unmatched unmatched

	// HungAfter is how long a call to the file system may take before its path is passed over.
	HungAfter  time.Duration
	hung       []hung
	beforeCall func(path string) // for tests: may hang where the file system may
}

// New makes a scanner. watch and forget may be nil where there is no notification.
func New(p *Patterns, sink Sink, log Log, watch func(dir string) bool, forget func(dir string)) *Scanner {
	if watch == nil {
		watch = func(string) bool { return false }
	}
	if forget == nil {
		forget = func(string) {}
	}
	s := &Scanner{
		patterns: p, sink: sink, log: log, watch: watch, forget: forget,
		dirs: map[string]*dir{}, said: map[string]string{}, HungAfter: hungAfter,
		unmatched: unmatched{explained: map[int]bool{}, waited: map[string]bool{}},
	}
	s.checks = map[bool]*checks{
		true:  {scanner: s, notified: true, most: notifiedChecks},
		false: {scanner: s, most: polledChecks},
	}
	for i := range p.globs {
		s.unmatched.globs = append(s.unmatched.globs, i)
	}
	return s
}

// Close frees what the scanner holds. Nothing may be called afterwards.
func (s *Scanner) Close() {
	for _, c := range s.checks {
		c.end()
	}
}

// Complete reports that the last scan has listed every directory that may have changed: what it did not find is not there.
func (s *Scanner) Complete() bool { return !s.stale }

// Scan looks at every directory, and at some of the files that do not seem to have changed; with full, at all of them.
// Directories whose listing takes long are not listed each time.
func (s *Scanner) Scan(ctx context.Context, full bool) error {
	s.round++
	s.stale = false
	full = s.endHangs() || full
	for _, base := range s.patterns.Bases() {
		w := walk{scanner: s, ctx: ctx, entered: map[fileid.ID]bool{}, full: full}
		if err := w.tree(base, true); err != nil {
			return err
		}
		// Links come last, so that what can be reached without one is known by its own path.
		for len(w.links) > 0 {
			link := w.links[0]
			w.links = w.links[1:]
			if err := w.tree(link, false); err != nil {
				return err
			}
		}
	}
	for p, d := range s.dirs {
		if d.round != s.round {
			s.drop(p, d)
		}
	}
	if !full {
		for _, c := range s.checks {
			c.run()
		}
	}
	if !s.stale {
		s.explain()
	}
	return nil
}

// walk is one scan below one base.
type walk struct {
	scanner *Scanner
	ctx     context.Context
	entered map[fileid.ID]bool
	links   []string
	full    bool
}

func (w *walk) tree(dirPath string, base bool) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	s := w.scanner
	d := s.dirs[dirPath]
	dev := uint64(0)
	if d != nil {
		dev = d.id.Dev
	}
	st, err := s.stat(dirPath, dev)
	switch {
	case errors.Is(err, errHung):
		s.keep(dirPath)
		return nil
	case base && errors.Is(err, fs.ErrNotExist):
		appeared := false
		hangs := s.ask(dirPath, 0, func() {
			s.watchAncestor(dirPath)
			_, err := fileid.Of(dirPath)
			appeared = err == nil
		}, nil)
		if hangs == nil && appeared {
			return w.tree(dirPath, base)
		}
		s.say(dirPath, "directory %s does not exist yet: it is looked for every poll_interval", dirPath)
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		s.say(dirPath, "directory %s cannot be read: %v", dirPath, err)
		s.keep(dirPath)
		return nil
	case !st.Mode.IsDir():
		if base {
			s.say(dirPath, "%s is not a directory, so nothing below it can be read", dirPath)
		}
		return nil
	case w.entered[st.ID]:
		return nil
	}
	w.entered[st.ID] = true
	if d != nil && d.round == s.round {
		return nil
	}
	if d == nil || d.id != st.ID {
		if d != nil {
			s.drop(dirPath, d)
		}
		d = newDir(dirPath, st.ID)
		s.dirs[dirPath] = d
	}
	d.round = s.round
	// The watch comes before the listing, so that nothing falls between them.
	notified := false
	err = s.ask(dirPath, d.id.Dev, func() { notified = s.watch(dirPath) }, nil)
	if err == nil {
		d.notified = notified
		err = s.visit(w.ctx, d, st, w.full)
	}
	if err != nil {
		if w.ctx.Err() != nil {
			return err
		}
		if !errors.Is(err, errHung) {
			s.say(dirPath, "directory %s cannot be read: %v", dirPath, err)
		}
		s.keepBelow(d)
		return nil
	}
	s.unsay(dirPath)
	for _, name := range slices.Sorted(maps.Keys(d.subs)) {
		below := filepath.Join(dirPath, name)
		if d.subs[name].link {
			w.links = append(w.links, below)
		} else if err := w.tree(below, false); err != nil {
			return err
		}
	}
	return nil
}

// Look looks at one path now, because of a hint. It reports whether the path is or was a directory, so that all that is
// below it should be looked at.
func (s *Scanner) Look(path string) (isDirectory bool) {
	parent, name := filepath.Split(path)
	parent = filepath.Clean(parent)
	if _, known := s.dirs[path]; known {
		return true
	}
	d := s.dirs[parent]
	if d == nil {
		// A hint about something on the way to a base that does not exist yet.
		return s.leadsToBase(path)
	}
	k, known := d.files[name]
	if known || s.patterns.Match(path) {
		s.look(d, strings.Clone(name), k.id.Dev) // the name may stay longer than the path
		if _, known = d.files[name]; known {
			return false
		}
	}
	if !s.patterns.Enters(path) {
		return false
	}
	is, err := s.isDir(path)
	if !is || err != nil {
		return false
	}
	if _, known := d.subs[name]; !known {
		// Its parent may not be listed in the next scan, if that takes long.
		d.subs[strings.Clone(name)] = sub{link: s.isLink(path), listing: d.listing}
	}
	return true
}

func (s *Scanner) leadsToBase(path string) bool {
	for _, base := range s.patterns.Bases() {
		if _, below := relative(path, base); below || path == base {
			return true
		}
	}
	return false
}

// drop forgets a directory that is gone.
func (s *Scanner) drop(path string, d *dir) {
	for name, k := range d.files {
		s.remove(d, name, k)
	}
	_ = s.ask(path, 0, func() { s.forget(path) }, nil)
	if !slices.Contains(s.patterns.Bases(), path) { // what was just said of a base that went is not to be said again
		s.unsay(path)
	}
	s.unsay(path + " matches")
	delete(s.dirs, path)
}

// keep spares what is known of a directory that cannot be looked at just now.
func (s *Scanner) keep(path string) {
	if d := s.dirs[path]; d != nil {
		d.round = s.round
		s.keepBelow(d)
	}
}

func (s *Scanner) keepBelow(d *dir) {
	for name := range d.subs {
		s.keep(filepath.Join(d.path, name))
	}
}

// watchAncestor asks for notification where the first missing directory of path would appear. What appears before that takes
// effect is not notified of, so it looks again afterwards.
func (s *Scanner) watchAncestor(path string) {
	for {
		nearest := nearestDir(path)
		s.watch(nearest)
		if nearestDir(path) == nearest {
			return
		}
	}
}

// nearestDir returns the nearest directory above path that exists.
func nearestDir(path string) string {
	for {
		parent := filepath.Dir(path)
		if parent == path || isDir(parent) {
			return parent
		}
		path = parent
	}
}

// say warns, unless the same was the last thing said about path.
func (s *Scanner) say(path, format string, args ...any) {
	if s.said[path] == format {
		return
	}
	s.said[path] = format
	s.log.Warnf(format, args...)
}

func isDir(path string) bool {
	st, err := fileid.Of(path)
	return err == nil && st.Mode.IsDir()
}

func (s *Scanner) unsay(path string) { delete(s.said, path) }

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeNamedPipe != 0:
		return "FIFO"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	default:
		return "special file"
	}
}
