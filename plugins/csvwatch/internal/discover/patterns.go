// Package discover finds the files that globs mean, again and again, and reports only what is different from the time
// before.
package discover

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// temporary are the ends of names that a file has only until it is finished.
var temporary = []string{".tmp", ".temp", ".part", ".partial", ".filepart", "~"}

// Patterns are globs and what is left out of them. It does not change once made.
type Patterns struct {
	globs   []glob
	exclude []string
	avoid   []string
	hidden  bool
}

// glob is a pattern cut where its first special character stands.
type glob struct {
	pattern string   // as it was given
	base    string   // a directory, in the form of this system
	rest    string   // the pattern below it, with slashes
	parts   []string // rest by component; nil when braces span components
	// hidden and unfinished tell that the pattern itself names such files.
	hidden, unfinished bool
}

// Compile checks and prepares globs. A glob may have ** for any number of directories. Names matched by exclude are
// left out: a pattern without a slash is for the name alone, another for the path as it is found or for its end below
// the fixed part of the glob. Unless hidden is set, so are names that begin with . or _, or end like unfinished files,
// except where the glob itself names such. Nothing of avoid is ever found, files or what is below
// directories, however they are spelled.
func Compile(globs, exclude []string, hidden bool, avoid ...string) (*Patterns, error) {
	p := &Patterns{hidden: hidden}
	for _, g := range globs {
		g = filepath.ToSlash(g)
		if g == "" {
			return nil, fmt.Errorf("an empty path matches nothing: write a path such as data/*.csv")
		}
		if !doublestar.ValidatePattern(g) {
			return nil, fmt.Errorf("path %q is not a valid pattern: check its brackets and braces", g)
		}
		base, rest := doublestar.SplitPattern(g)
		if rest == "" {
			return nil, fmt.Errorf("path %q names a directory: write which of its files, such as %s", g, path.Join(g, "*.csv"))
		}
		c := glob{pattern: g, base: filepath.Clean(filepath.FromSlash(base)), rest: rest}
		if !strings.Contains(rest, "{") {
			c.parts = strings.Split(rest, "/")
		}
		for _, part := range strings.Split(rest, "/") {
			c.hidden = c.hidden || strings.HasPrefix(part, ".") || strings.HasPrefix(part, "_")
			c.unfinished = c.unfinished || isTemporary(part)
		}
		p.globs = append(p.globs, c)
	}
	for _, e := range exclude {
		e = filepath.ToSlash(e)
		if e == "" || !doublestar.ValidatePattern(e) {
			return nil, fmt.Errorf("exclude pattern %q is not valid: check its brackets and braces", e)
		}
		p.exclude = append(p.exclude, e)
	}
	for _, a := range avoid {
		if a != "" {
			p.avoid = append(p.avoid, spellings(a)...)
		}
	}
	return p, nil
}

// spellings are the ways in which a directory may be named: as it is, from the root, and from where this process is.
func spellings(dir string) []string {
	names := []string{filepath.Clean(dir)}
	full, err := filepath.Abs(dir)
	if err != nil {
		return names
	}
	names = append(names, full)
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, full); err == nil {
			names = append(names, rel)
		}
	}
	return names
}

// Bases are the directories to begin at, each once.
func (p *Patterns) Bases() []string {
	var bases []string
	for _, g := range p.globs {
		if !slices.Contains(bases, g.base) {
			bases = append(bases, g.base)
		}
	}
	return bases
}

// Match reports whether a file at this path is meant. Only the path is looked at.
func (p *Patterns) Match(file string) bool {
	for i := range p.globs {
		if p.matches(i, file) {
			return true
		}
	}
	return false
}

// matches is Match for the pattern of this number.
func (p *Patterns) matches(i int, file string) bool {
	g := &p.globs[i]
	rel, below := relative(g.base, file)
	return below && doublestar.MatchUnvalidated(g.rest, rel) && p.wanted(g, file, rel)
}

// Enters reports whether a directory at this path can hold files that are meant.
func (p *Patterns) Enters(dir string) bool {
	for i := range p.globs {
		g := &p.globs[i]
		if dir == g.base {
			return true
		}
		rel, below := relative(g.base, dir)
		if below && g.descends(rel) && p.wanted(g, dir, rel) {
			return true
		}
	}
	return false
}

// wanted applies what is left out.
func (p *Patterns) wanted(g *glob, file, rel string) bool {
	name := path.Base(rel)
	if !p.hidden {
		if !g.hidden && (hasHidden(rel)) {
			return false
		}
		if !g.unfinished && isTemporary(name) {
			return false
		}
	}
	if p.isAvoided(g, file) {
		return false
	}
	return !p.excludes(file, rel)
}

// isAvoided reports whether a file is, or is below, what is never to be found by a pattern.
func (p *Patterns) isAvoided(g *glob, file string) bool {
	for _, a := range p.avoid {
		if _, inside := relative(a, g.base); inside {
			continue // what is put there is not below the base
		}
		if _, below := relative(a, file); below || a == file {
			return true
		}
	}
	return false
}

// avoids reports whether a file is never to be found by any pattern.
func (p *Patterns) avoids(file string) bool {
	return slices.ContainsFunc(p.globs, func(g glob) bool { return p.isAvoided(&g, file) })
}

// excludes reports whether the patterns of what is left out match a file, or what is left of its path below a base.
func (p *Patterns) excludes(file, rel string) bool {
	full := filepath.ToSlash(file)
	for _, e := range p.exclude {
		if strings.Contains(e, "/") {
			if doublestar.MatchUnvalidated(e, full) || doublestar.MatchUnvalidated(e, rel) {
				return true
			}
		} else if doublestar.MatchUnvalidated(e, path.Base(rel)) {
			return true
		}
	}
	return false
}

// descends reports whether the directory rel below the base can lead to a match.
func (g *glob) descends(rel string) bool {
	if g.parts == nil {
		return strings.Contains(g.rest, "**") || strings.Count(rel, "/") < strings.Count(g.rest, "/")
	}
	have := strings.Split(rel, "/")
	for i, part := range g.parts {
		if part == "**" || i == len(have) {
			return true
		}
		if i == len(g.parts)-1 || !doublestar.MatchUnvalidated(part, have[i]) {
			return false
		}
	}
	return false
}

// relative is what is left of file below base, with slashes.
func relative(base, file string) (rel string, below bool) {
	if base == "." {
		if filepath.IsAbs(file) {
			return "", false
		}
		return filepath.ToSlash(file), true
	}
	if !strings.HasPrefix(file, base) {
		return "", false
	}
	rest := file[len(base):]
	if strings.HasSuffix(base, string(filepath.Separator)) {
		return filepath.ToSlash(rest), rest != ""
	}
	if len(rest) < 2 || rest[0] != filepath.Separator {
		return "", false
	}
	return filepath.ToSlash(rest[1:]), true
}

func hasHidden(rel string) bool {
	return rel[0] == '.' || rel[0] == '_' || strings.Contains(rel, "/.") || strings.Contains(rel, "/_")
}

func isTemporary(name string) bool {
	for _, end := range temporary {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
