package discover

import (
	"context"
	"errors"
	"hash/maphash"
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
	// last one needed: the clocks of file systems are coarse, up to two seconds.
	settleTime = 3 * time.Second
	// changedShare is the share of the time that listing a directory may take after it has changed, where notifications
	// report the same.
	changedShare = 0.02
	// polledShare is that share where nothing else reports it.
	polledShare = 0.1
	// unchangedShare is that share where even the directory's modification time is not relied on.
	unchangedShare = 0.01
)

// dir is what is remembered of a directory.
type dir struct {
	path     string
	id       fileid.ID
	modified int64
	since    time.Time     // when modified was first seen as it is
	listed   time.Time     // when it was listed last
	cost     time.Duration // of that listing, without looking at the files that were new
	notified bool          // notification can be relied on
	round    uint64        // the last scan that came by
	listing  uint16        // counts listings
	refused  error         // why its files could not be checked, until the next visit
	files    map[string]seen
	subs     map[string]sub
}

// seen is what is remembered of a file. There may be very many.
type seen struct {
	id    fileid.ID // zero for what is not a regular file
	state uint64    // a hash of its Stat and, in the lowest 16 bits, the last listing that had it
}

const listingBits = 1<<16 - 1

var stateSeed = maphash.MakeSeed()

func seenAs(st fileid.Stat, listing uint16) seen {
	k := seen{state: maphash.Comparable(stateSeed, st)}.in(listing)
	if st.Mode.IsRegular() {
		k.id = st.ID
	}
	return k
}

func (k seen) in(listing uint16) seen {
	k.state = k.state&^listingBits | uint64(listing)
	return k
}

func (k seen) isRegular() bool { return k.id != fileid.ID{} }

// sub is a directory in a directory.
type sub struct {
	link    bool // reached by a symbolic link
	listing uint16
}

func newDir(path string, id fileid.ID) *dir {
	return &dir{path: path, id: id, files: map[string]seen{}, subs: map[string]sub{}}
}

// visit lists the directory if that may find something new, or if full, and then looks at all its files too.
func (s *Scanner) visit(ctx context.Context, d *dir, st fileid.Stat, full bool) error {
	now := time.Now()
	if st.Modified != d.modified || d.listed.IsZero() {
		d.modified, d.since = st.Modified, now
	}
	switch {
	case full || d.needsListing(now):
		s.looking = 0
		if err := s.list(ctx, d); err != nil {
			return err
		}
		d.listed, d.cost, d.refused = now, time.Since(now)-s.looking, nil
	case d.hasChanged():
		s.stale = true
	}
	if full {
		return s.lookAll(d, maps.Keys(d.files))
	}
	err := d.refused
	d.refused = nil
	return err
}

// hasChanged reports whether there may be changes since the last listing, as far as the modification time tells.
func (d *dir) hasChanged() bool { return d.listed.Sub(d.since) <= settleTime }

func (d *dir) needsListing(now time.Time) bool {
	share := unchangedShare
	switch {
	case d.listed.IsZero():
		return true
	case d.hasChanged() && d.notified:
		share = changedShare
	case d.hasChanged():
		share = polledShare
	case d.notified:
		return false
	}
	return now.Sub(d.listed).Seconds() >= d.cost.Seconds()/share
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
			began := time.Now()
			if err := s.lookAll(d, slices.Values(found)); err != nil {
				return err
			}
			s.looking += time.Since(began)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	for name, k := range d.files {
		if uint16(k.state) != d.listing {
			s.remove(d, name, k)
		}
	}
	for name, sub := range d.subs {
		if sub.listing != d.listing {
			delete(d.subs, name)
		}
	}
	return nil
}

// entry takes one name of a listing. It reports whether it may be that of a new file, which is to be looked at. Known
// files are looked at later.
func (s *Scanner) entry(d *dir, e fs.DirEntry) bool {
	name, kind := e.Name(), e.Type()
	if k, known := d.files[name]; known && !kind.IsDir() {
		d.files[name] = k.in(d.listing)
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

// take compares how one file is with what is remembered of it.
func (s *Scanner) take(d *dir, name string, is looked) {
	known, has := d.files[name]
	st, err := is.st, is.err
	if has {
		known = known.in(d.listing)
		d.files[name] = known
		if err == nil && known == seenAs(st, d.listing) {
			return
		}
	}
	full := filepath.Join(d.path, name)
	switch {
	case errors.Is(err, errHung):
	case errors.Is(err, fs.ErrNotExist):
		if has {
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
	if known := d.files[name]; known.isRegular() {
		s.remove(d, name, known)
	}
	if st.Mode.IsDir() {
		delete(d.files, name)
	} else {
		d.files[name] = seenAs(st, d.listing)
	}
	s.leaveOut(full, st.Mode)
}

// lookAtFile takes a regular file that is new or has changed.
func (s *Scanner) lookAtFile(d *dir, name, full string, st fileid.Stat) {
	known, has := d.files[name]
	if known.isRegular() && known.id != st.ID {
		s.sink.Gone(full, known.id)
	}
	s.unsay(full)
	s.unsay(full + " matches")
	s.unmatched.found(s.patterns, full)
	d.files[name] = seenAs(st, d.listing)
	if has || s.round > 1 || time.Since(st.LastChange()) < recentTime {
		s.checks[d.notified].add(place{d, name})
	}
	s.sink.Found(full, st)
}

// leaveOut logs once that a path is not a regular file.
func (s *Scanner) leaveOut(full string, mode fs.FileMode) {
	if s.patterns.Match(full) {
		s.say(full+" matches", "%s matches but is a %s: it is left out", full, kindOf(mode))
	}
}

func (s *Scanner) remove(d *dir, name string, k seen) {
	delete(d.files, name)
	full := filepath.Join(d.path, name)
	s.unsay(full)
	s.unsay(full + " matches")
	if k.isRegular() {
		s.sink.Gone(full, k.id)
	}
}
