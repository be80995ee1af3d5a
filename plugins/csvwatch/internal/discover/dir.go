package discover

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

const (
	// settleTime is how long a directory's modification time must have been the same for the next listing to be the
	// last one needed: clocks of filesystems are coarse, up to two seconds.
	settleTime = 3 * time.Second
	// listShare is the share of the time that listing a directory may take where notification works.
	listShare = 0.02
	// hotTime is how long a file is looked at before others after it has changed.
	hotTime = time.Minute
	// mostLooks is how many files are looked at in one scan where notification works. With more of them their turns go
	// round.
	mostLooks = 500
)

// dir is what is remembered of a directory.
type dir struct {
	path     string
	id       fileid.ID
	modified int64
	since    time.Time     // when modified was first seen as it is
	listed   time.Time     // when it was listed last
	cost     time.Duration // how long that took
	notified bool          // notification can be relied on
	round    uint64        // the last scan that came by
	listing  uint32        // counts listings
	files    map[string]*seen
	names    []string            // of files, as they were at the last listing
	turn     int                 // the one of names that was looked at last
	hot      map[string]struct{} // names of files that changed of late
	subs     map[string]sub
}

// seen is what is remembered of a file.
type seen struct {
	st      fileid.Stat
	hot     time.Duration // until when it counts as changed of late, as time since the scanner's start
	listing uint32        // the last one that had it
	other   bool          // not a regular file
	inTurn  bool          // it is among the directory's names
}

// sub is a directory in a directory.
type sub struct {
	link    bool // reached by a symbolic link
	listing uint32
}

func newDir(path string, id fileid.ID) *dir {
	return &dir{path: path, id: id, files: map[string]*seen{}, hot: map[string]struct{}{}, subs: map[string]sub{}}
}

// visit lists the directory if that can bring anything new, and looks at its files.
func (s *Scanner) visit(ctx context.Context, d *dir, st fileid.Stat, full bool) error {
	now := time.Now()
	if st.Modified != d.modified || d.listed.IsZero() {
		d.modified, d.since = st.Modified, now
	}
	if full || d.needsListing(now) {
		if err := s.list(ctx, d); err != nil {
			return err
		}
		d.listed, d.cost = now, time.Since(now)
	}
	if !d.listed.Equal(now) && d.listed.Sub(d.since) <= settleTime {
		s.stale = true
	}
	if full || !d.notified {
		return s.lookAll(d, maps.Keys(d.files))
	}
	return s.lookAll(d, slices.Values(s.choose(d, now.Sub(s.start))))
}

func (d *dir) needsListing(now time.Time) bool {
	switch {
	case d.listed.IsZero() || !d.notified:
		return true
	case d.listed.Sub(d.since) > settleTime:
		return false
	default:
		return now.Sub(d.listed).Seconds() >= d.cost.Seconds()/listShare
	}
}

// list lists a directory, and looks at what is new in it.
func (s *Scanner) list(ctx context.Context, d *dir) error {
	l, err := s.openListing(d)
	if err != nil {
		return err
	}
	defer l.close()
	d.listing++
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := l.next()
		var found []string
		for _, e := range entries {
			if s.entry(d, e) {
				found = append(found, e.Name())
			}
		}
		if len(found) > 0 {
			if err := s.lookAll(d, slices.Values(found)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	s.takeTurns(d)
	for name, sub := range d.subs {
		if sub.listing != d.listing {
			delete(d.subs, name)
		}
	}
	return nil
}

// takeTurns removes the files that the listing has no more, and lets new ones take their turns behind the others: were
// the turns begun anew, a file might wait for as long as the directory keeps changing.
func (s *Scanner) takeTurns(d *dir) {
	still := d.names[:0]
	for _, name := range d.names {
		if k := d.files[name]; k != nil && k.listing == d.listing {
			still = append(still, name)
			k.inTurn = true
		}
	}
	d.names = still
	for name, k := range d.files {
		if k.listing != d.listing {
			s.remove(d, name, k)
		} else if !k.inTurn {
			d.names = append(d.names, name)
			k.inTurn = true
		}
	}
}

// entry takes one name of a listing. It reports whether it may be that of a new file, which is to be looked at. Known
// files are looked at later.
func (s *Scanner) entry(d *dir, e fs.DirEntry) bool {
	name, kind := e.Name(), e.Type()
	if k := d.files[name]; k != nil && !kind.IsDir() {
		k.listing = d.listing
		return false
	}
	full := filepath.Join(d.path, name)
	link := kind&fs.ModeSymlink != 0
	if (kind.IsDir() || link) && s.patterns.Enters(full) {
		is, err := kind.IsDir(), error(nil)
		if link {
			is, err = s.isDir(full)
		}
		if _, known := d.subs[name]; is || (err != nil && known) {
			d.subs[name] = sub{link: link, listing: d.listing}
			s.leaveOut(full, kind|fs.ModeDir)
			return false
		}
	}
	switch {
	case !s.patterns.Match(full):
		s.unmatched.strays = true
		return false
	case link:
		s.look(d, name, 0)
		return false
	default:
		return true
	}
}

// choose returns the files whose changes a notification should have reported and that are looked at all the same: first
// those that changed recently, then others in turn. Each directory has its share of the checks of a scan.
func (s *Scanner) choose(d *dir, age time.Duration) (names []string) {
	left := mostLooks*len(d.names)/max(1, s.known) + 1
	spare := left / 2 // not to be used up by those that changed of late
	for name := range d.hot {
		k := d.files[name]
		if k == nil || k.hot < age {
			delete(d.hot, name)
		}
		if left <= spare {
			break
		}
		left--
		names = append(names, name)
	}
	for range min(len(d.names), left) {
		d.turn = (d.turn + 1) % len(d.names)
		if name := d.names[d.turn]; d.files[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// take compares how one file is with what is remembered of it.
func (s *Scanner) take(d *dir, name string, is looked) {
	known := d.files[name]
	st, err := is.st, is.err
	if known != nil {
		known.listing = d.listing
		if err == nil && known.st == st {
			return
		}
	}
	full := filepath.Join(d.path, name)
	switch {
	case errors.Is(err, errHung):
	case errors.Is(err, fs.ErrNotExist):
		if known != nil {
			s.remove(d, name, known)
		}
	case err != nil:
		s.say(full, "%s cannot be looked at: %v", full, err)
	case !st.Mode.IsRegular():
		s.lookAtOther(d, name, full, st)
	default:
		s.lookAtFile(d, name, full, st)
	}
}

// lookAtOther takes what is no regular file.
func (s *Scanner) lookAtOther(d *dir, name, full string, st fileid.Stat) {
	if known := d.files[name]; known != nil && !known.other {
		s.remove(d, name, known)
	}
	if st.Mode.IsDir() {
		delete(d.files, name)
	} else {
		d.files[name] = &seen{other: true, st: st, listing: d.listing}
	}
	s.leaveOut(full, st.Mode)
}

// lookAtFile takes a regular file that is new or has changed.
func (s *Scanner) lookAtFile(d *dir, name, full string, st fileid.Stat) {
	known := d.files[name]
	if known != nil && !known.other && known.st.ID != st.ID {
		s.sink.Gone(full, known.st.ID)
	}
	s.unsay(full)
	s.unsay(full + " matches")
	s.unmatched.found(s.patterns, full)
	if known == nil {
		known = &seen{listing: d.listing}
		d.files[name] = known
	}
	known.st, known.other = st, false
	known.hot = time.Since(s.start) + hotTime
	d.hot[name] = struct{}{}
	s.sink.Found(full, st)
}

// leaveOut logs once that a path is not a regular file.
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
