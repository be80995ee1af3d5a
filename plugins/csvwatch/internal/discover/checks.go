package discover

import (
	"iter"
	"slices"
	"time"
)

const (
	// notifiedChecks is how many files are checked with each scan where notifications report changes.
	notifiedChecks = 500
	// polledChecks is how many where nothing else finds a change within a file.
	polledChecks = 5000
	// recentTime is how long a file is checked with each scan after it has changed.
	recentTime = time.Minute
)

// checks looks at files that do not seem to have changed: at some with each scan, so that a scan does not cost more the
// more files there are. It belongs to a scanner.
type checks struct {
	scanner  *Scanner
	notified bool // the files are in directories where notifications can be relied on
	most     int  // files per scan

	recent map[place]time.Time       // the files that changed less than recentTime ago, and when they did
	next   func() (p place, ok bool) // of the pass over all files that is under way; nil between passes
	stop   func()                    // ends the pass
}

// place is a file in a directory.
type place struct {
	dir  *dir
	name string
}

func (c *checks) add(p place) {
	if c.recent == nil {
		c.recent = map[place]time.Time{}
	}
	c.recent[p] = time.Now()
}

// run checks files that changed recently, which take up to half of the checks, and then others in turn.
func (c *checks) run() {
	var of *dir
	var names []string // in the directory
	flush := func() {
		if of != nil {
			of.refused = c.scanner.lookAll(of, slices.Values(names))
		}
	}
	left := c.most
	look := func(p place) {
		left--
		if p.dir != of {
			flush()
			of, names = p.dir, names[:0]
		}
		names = append(names, p.name)
	}
	defer flush()
	for p, changed := range c.recent {
		if left <= c.most/2 {
			break
		}
		if _, known := p.dir.files[p.name]; !known || time.Since(changed) > recentTime {
			delete(c.recent, p) // at no cost, or a large backlog would stay here for long
			continue
		}
		look(p)
	}
	if len(c.recent) == 0 {
		c.recent = nil // a map never gets smaller
	}
	for left > 0 {
		if c.next == nil {
			c.next, c.stop = iter.Pull(c.files())
		}
		p, ok := c.next()
		if !ok {
			c.end()
			return
		}
		look(p)
	}
}

// files returns all files, each once, whatever is added or removed meanwhile.
func (c *checks) files() iter.Seq[place] {
	return func(yield func(place) bool) {
		for _, d := range c.scanner.dirs {
			if d.notified != c.notified {
				continue
			}
			for name := range d.files {
				if !yield(place{d, name}) {
					return
				}
			}
		}
	}
}

// end ends the pass that is under way.
func (c *checks) end() {
	if c.next != nil {
		c.stop()
		c.next, c.stop = nil, nil
	}
}
