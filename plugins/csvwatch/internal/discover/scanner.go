package discover

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

const (
	// settleTime is how long a directory's modification time must have been the same for the next listing to be the
	// last one needed: clocks of filesystems are coarse, up to two seconds.
	settleTime = 3 * time.Second
	// hotTime is how long a file is looked at in every scan after it has changed.
	hotTime = time.Minute
	// coldLooks is how many files that have long been the same are looked at in one scan where notification works.
	// With more of them their turns go round.
	coldLooks = 1000
)

// Sink is told what is different.
type Sink interface {
	// Found tells of a regular file that is new at its path, or has changed.
	Found(path string, st fileid.Stat)
	// Gone tells that the file is no longer at this path: deleted, renamed, or replaced by another one, which is
	// told next.
	Gone(path string, id fileid.ID)
}

// Log takes what is said once to a person.
type Log interface {
	Warnf(format string, args ...any)
}

// Scanner finds files. It is for one goroutine at a time.
type Scanner struct {
	patterns *Patterns
	sink     Sink
	log      Log
	// watch asks for notification of what happens in a directory and tells whether it can be relied on; nil for none.
	watch  func(dir string) bool
	forget func(dir string)

	dirs  map[string]*dir
	round uint64
	cold  int               // looks left in this scan for files that have long been the same; negative: no limit
	said  map[string]string // by path: the last thing said about it
	start time.Time
}

// dir is what is remembered of a directory.
type dir struct {
	path     string
	id       fileid.ID
	modified int64
	since    time.Time // when modified was first seen as it is
	listed   time.Time // when it was listed last
	told     bool      // notification can be relied on
	round    uint64    // the last scan that came by
	files    map[string]*seen
	names    []string            // of files, as they were at the last listing
	turn     int                 // the one of names that was looked at last
	hot      map[string]struct{} // names of files that changed of late
	subs     map[string]bool     // names of directories below; true for those reached by a symbolic link
}

// seen is what is remembered of a file.
type seen struct {
	st    fileid.Stat
	hot   time.Duration // until when it counts as changed of late, as time since the scanner's start
	other bool          // not a regular file
}

// New makes a scanner. watch and forget may be nil where there is no notification.
func New(p *Patterns, sink Sink, log Log, watch func(dir string) bool, forget func(dir string)) *Scanner {
	if watch == nil {
		watch = func(string) bool { return false }
	}
	if forget == nil {
		forget = func(string) {}
	}
	return &Scanner{
		patterns: p, sink: sink, log: log, watch: watch, forget: forget,
		dirs: map[string]*dir{}, said: map[string]string{}, start: time.Now(),
	}
}

// Scan looks everywhere. With full, it also looks at every file, however long it has been the same.
func (s *Scanner) Scan(ctx context.Context, full bool) error {
	s.round++
	s.cold = coldLooks
	if full {
		s.cold = -1
	}
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
	st, err := fileid.Of(dirPath)
	switch {
	case err != nil:
		if base && errors.Is(err, fs.ErrNotExist) {
			s.watchAncestor(dirPath)
			s.say(dirPath, "directory %s does not exist yet: it is looked for every poll_interval", dirPath)
		} else if !errors.Is(err, fs.ErrNotExist) {
			s.say(dirPath, "directory %s cannot be read: %v", dirPath, err)
			s.keep(dirPath)
		}
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
	d := s.dirs[dirPath]
	if d != nil && d.round == s.round {
		return nil
	}
	if d == nil || d.id != st.ID {
		if d != nil {
			s.drop(dirPath, d)
		}
		d = &dir{path: dirPath, id: st.ID, files: map[string]*seen{}, hot: map[string]struct{}{}, subs: map[string]bool{}}
		s.dirs[dirPath] = d
	}
	d.round = s.round
	// The watch comes before the listing, so that nothing falls between them.
	d.told = s.watch(dirPath)
	if err := s.visit(d, st, w.full); err != nil {
		s.say(dirPath, "directory %s cannot be read: %v", dirPath, err)
		s.keepBelow(d)
		return nil
	}
	s.unsay(dirPath)
	for _, name := range sortedKeys(d.subs) {
		sub := filepath.Join(dirPath, name)
		if d.subs[name] {
			w.links = append(w.links, sub)
		} else if err := w.tree(sub, false); err != nil {
			return err
		}
	}
	return nil
}

// visit lists the directory if that can bring anything new, and looks at its files.
func (s *Scanner) visit(d *dir, st fileid.Stat, full bool) error {
	now := time.Now()
	if st.Modified != d.modified || d.listed.IsZero() {
		d.modified, d.since = st.Modified, now
	}
	settled := d.told && !full && !d.listed.IsZero() && d.listed.Sub(d.since) > settleTime
	if !settled {
		if err := s.list(d); err != nil {
			return err
		}
		d.listed = now
	}
	s.lookAtKnown(d, now)
	return nil
}

func (s *Scanner) list(d *dir) error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer f.Close()
	present := make(map[string]bool, len(d.files))
	for {
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			s.entry(d, e, present)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	for name, k := range d.files {
		if !present[name] {
			s.remove(d, name, k)
		}
	}
	for name := range d.subs {
		if !present[name] {
			delete(d.subs, name)
		}
	}
	d.names, d.turn = d.names[:0], 0
	for name := range d.files {
		d.names = append(d.names, name)
	}
	return nil
}

// entry takes one name of a listing. Known files are looked at later.
func (s *Scanner) entry(d *dir, e fs.DirEntry, present map[string]bool) {
	name := e.Name()
	full := filepath.Join(d.path, name)
	kind := e.Type()
	if kind.IsDir() || kind&fs.ModeSymlink != 0 {
		if s.patterns.Enters(full) && (kind.IsDir() || isDir(full)) {
			present[name] = true
			d.subs[name] = kind&fs.ModeSymlink != 0
			s.leaveOut(full, kind|fs.ModeDir)
			return
		}
	}
	if !s.patterns.Match(full) {
		return
	}
	present[name] = true
	if d.files[name] == nil {
		s.look(d, name)
	}
}

func isDir(path string) bool {
	st, err := fileid.Of(path)
	return err == nil && st.Mode.IsDir()
}

// lookAtKnown looks at the files of a directory that may have changed: all of them where nothing else would tell, else
// those that changed of late, and some of the others in turn.
func (s *Scanner) lookAtKnown(d *dir, now time.Time) {
	if !d.told || s.cold < 0 {
		for name := range d.files {
			s.look(d, name)
		}
		return
	}
	age := now.Sub(s.start)
	for name := range d.hot {
		k := d.files[name]
		if k == nil || k.hot < age {
			delete(d.hot, name)
		}
		s.look(d, name)
	}
	for n := min(len(d.names), s.cold); n > 0; n-- {
		d.turn = (d.turn + 1) % len(d.names)
		if name := d.names[d.turn]; d.files[name] != nil {
			s.look(d, name)
		}
		s.cold--
	}
}

// Look looks at one path now, because of a hint. It tells whether the path is or was a directory, so that all that is
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
	if d.files[name] != nil || s.patterns.Match(path) {
		s.look(d, name)
		if d.files[name] != nil {
			return false
		}
	}
	return s.patterns.Enters(path) && isDir(path)
}

func (s *Scanner) leadsToBase(path string) bool {
	for _, base := range s.patterns.Bases() {
		if _, below := relative(path, base); below || path == base {
			return true
		}
	}
	return false
}

// look compares one file with what is remembered of it.
func (s *Scanner) look(d *dir, name string) {
	full := filepath.Join(d.path, name)
	known := d.files[name]
	st, err := fileid.Of(full)
	if err != nil {
		if known != nil && errors.Is(err, fs.ErrNotExist) {
			s.remove(d, name, known)
		} else if !errors.Is(err, fs.ErrNotExist) {
			s.say(full, "%s cannot be looked at: %v", full, err)
		}
		return
	}
	if !st.Mode.IsRegular() {
		if known != nil && !known.other {
			s.remove(d, name, known)
		}
		if st.Mode.IsDir() {
			delete(d.files, name)
		} else {
			d.files[name] = &seen{other: true, st: st}
		}
		s.leaveOut(full, st.Mode)
		return
	}
	if known != nil && !known.other {
		if known.st == st {
			return
		}
		if known.st.ID != st.ID {
			s.sink.Gone(full, known.st.ID)
		}
	}
	s.unsay(full)
	s.unsay(full + " matches")
	if known == nil {
		known = &seen{}
		d.files[name] = known
	}
	known.st, known.other = st, false
	known.hot = time.Since(s.start) + hotTime
	d.hot[name] = struct{}{}
	s.sink.Found(full, st)
}

// leaveOut says once that something is not a file.
func (s *Scanner) leaveOut(full string, mode fs.FileMode) {
	if s.patterns.Match(full) {
		s.say(full+" matches", "%s matches but is a %s: it is left out", full, kindOf(mode))
	}
}

func (s *Scanner) remove(d *dir, name string, k *seen) {
	delete(d.files, name)
	delete(d.hot, name)
	full := filepath.Join(d.path, name)
	s.unsay(full)
	s.unsay(full + " matches")
	if !k.other {
		s.sink.Gone(full, k.st.ID)
	}
}

// drop forgets a directory that is gone.
func (s *Scanner) drop(path string, d *dir) {
	for name, k := range d.files {
		s.remove(d, name, k)
	}
	s.forget(path)
	s.unsay(path)
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

// watchAncestor asks for notification where the first missing directory of path would appear.
func (s *Scanner) watchAncestor(path string) {
	for {
		parent := filepath.Dir(path)
		if parent == path {
			return
		}
		if isDir(parent) {
			s.watch(parent)
			return
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

func sortedKeys(m map[string]bool) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
