package discover

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

const (
	// mostEntries bounds how many entries of a folder are looked at to explain why a pattern matches nothing.
	mostEntries = 1000
	// longestPause is how long it may take at most until it is looked again why a pattern matches nothing.
	longestPause = 10 * time.Minute
	// hiddenAge is how old a hidden file must be to be worth a line: younger ones are being written, mostly.
	hiddenAge = time.Minute
	// mostListed bounds how many of them a line of the log names.
	mostListed = 3
)

// unmatched holds, by number, the patterns that no file has matched so far and that the log has not explained.
type unmatched struct {
	globs     []int
	explained map[int]bool
	strays    bool            // a name was listed that no pattern means
	waited    map[string]bool // bases that the log called empty
	pause     time.Duration   // before the next look
	next      time.Time
}

// found notes that there is a file at this path.
func (u *unmatched) found(p *Patterns, file string) {
	u.globs = slices.DeleteFunc(u.globs, func(i int) bool { return p.matches(i, file) })
}

// explain logs for each pattern that matches nothing, though its folder is there, what is there instead: once, and as soon
// as there is anything.
func (s *Scanner) explain() {
	u := &s.unmatched
	now := time.Now()
	if len(u.globs) == 0 || now.Before(u.next) || (!u.strays && u.pause > 0) {
		return
	}
	u.strays = false
	others := map[string][]string{}
	for _, base := range s.patterns.Bases() {
		var names []string
		there := false
		err := s.ask(base, 0, func() {
			if there = isDir(base); there {
				names = s.strays(base)
			}
		}, nil)
		if err == nil && there {
			others[base] = names
		}
	}
	if len(others) > 0 {
		u.pause = min(2*u.pause+time.Second, longestPause)
		u.next = now.Add(u.pause)
	}
	for _, i := range u.globs {
		g := &s.patterns.globs[i]
		names, there := others[g.base]
		if !there {
			continue
		}
		var why string
		if s.ask(g.base, 0, func() { why = s.patterns.nearMiss(g, names) }, nil) != nil {
			continue
		}
		if why != "" {
			s.log.Warnf("No file matches %s: %s", g.pattern, why)
			u.explained[i] = true
		} else if s.alone(g.base) && len(names) > 0 {
			s.log.Warnf("No file matches %s: %s has %s", g.pattern, g.base, list(names))
			u.explained[i] = true
		} else if s.alone(g.base) && !u.waited[g.base] {
			s.log.Infof("No file matches %s yet: %s is empty", g.pattern, g.base)
			u.waited[g.base] = true
		}
	}
	u.globs = slices.DeleteFunc(u.globs, func(i int) bool { return u.explained[i] })
}

// alone reports whether no pattern below base has matched a file.
func (s *Scanner) alone(base string) bool {
	u := &s.unmatched
	for i := range s.patterns.globs {
		if s.patterns.globs[i].base == base && !slices.Contains(u.globs, i) && !u.explained[i] {
			return false
		}
	}
	return true
}

// strays returns files below base that no pattern matches, by their path below it, with slashes.
func (s *Scanner) strays(base string) (names []string) {
	left := mostEntries
	_ = filepath.WalkDir(base, func(full string, e fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fs.SkipAll
		}
		if err != nil || full == base {
			return nil // what cannot be read has its own line in the log
		}
		if s.patterns.avoids(full) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, below := relative(base, full)
		if !below || e.IsDir() || s.patterns.Match(full) {
			return nil
		}
		if hasHidden(rel) || isTemporary(rel) {
			if info, err := e.Info(); err != nil || time.Since(info.ModTime()) < hiddenAge {
				return nil
			}
		}
		names = append(names, rel)
		return nil
	})
	return names
}

func list(names []string) string {
	slices.Sort(names)
	shown := strings.Join(names[:min(len(names), mostListed)], ", ")
	if n := len(names) - mostListed; n > 0 {
		shown += fmt.Sprintf(" and %d more", n)
	}
	return shown
}

// nearMiss returns why a pattern does not match what it seems to mean, with what to write instead, or nothing. names are
// files below its base.
func (p *Patterns) nearMiss(g *glob, names []string) string {
	if name, escaped := g.literal(); name != "" {
		return fmt.Sprintf("brackets and braces have a meaning in patterns. For the one that is named %s write %s", name, escaped)
	}
	for _, rel := range names {
		full := filepath.Join(g.base, filepath.FromSlash(rel))
		switch {
		case doublestar.MatchUnvalidated(g.rest, rel) && p.excludes(full, rel):
			return fmt.Sprintf("%s is left out by exclude_patterns", rel)
		case doublestar.MatchUnvalidated(g.rest, rel):
			return fmt.Sprintf("%s is left out, as hidden or unfinished by its name: rename it, or set include_hidden", rel)
		case doublestar.MatchUnvalidated(strings.ToLower(g.rest), strings.ToLower(rel)):
			return fmt.Sprintf("%s differs in capital letters, which patterns tell apart%s", rel, g.otherCase(rel))
		case doublestar.MatchUnvalidated(path.Base(g.rest), path.Base(rel)) && !strings.Contains(g.rest, "**"):
			return fmt.Sprintf("%s is in a folder below: write %s", rel, path.Join(filepath.ToSlash(g.base), "**", path.Base(g.rest)))
		}
	}
	return ""
}

// otherCase returns the pattern with the extension of name, as advice, if it matches then.
func (g *glob) otherCase(name string) string {
	for _, ext := range []string{path.Ext(name), path.Ext(strings.TrimSuffix(name, path.Ext(name))) + path.Ext(name)} {
		if n := len(g.rest) - len(ext); ext != "" && n >= 0 && doublestar.MatchUnvalidated(g.rest[:n]+ext, name) {
			return ": add " + path.Join(filepath.ToSlash(g.base), g.rest[:n]+ext)
		}
	}
	return ""
}

// literal returns the first path on the way of the pattern that exists with its brackets or braces as they are, and how the
// pattern would have to be written to mean that one.
func (g *glob) literal() (name, escaped string) {
	full := filepath.ToSlash(g.base)
	parts := strings.Split(g.rest, "/")
	for i, part := range parts {
		if strings.ContainsAny(part, `*?\`) {
			return "", ""
		}
		full = path.Join(full, part)
		if _, err := os.Lstat(filepath.FromSlash(full)); err != nil {
			return "", ""
		}
		if strings.ContainsAny(part, "[{") {
			rest := slices.Clone(parts)
			rest[i] = escape(part)
			return full, path.Join(filepath.ToSlash(g.base), path.Join(rest...))
		}
	}
	return "", ""
}

// escape returns a pattern for exactly this name. Where a backslash separates names, it cannot stand before brackets.
func escape(name string) string {
	if runtime.GOOS == "windows" {
		return strings.NewReplacer("[", "[[]", "{", "[{]").Replace(name)
	}
	return strings.NewReplacer("[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`).Replace(name)
}
