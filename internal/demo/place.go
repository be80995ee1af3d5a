package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ecommerce-ingest/connect/config"
	"github.com/ecommerce-ingest/connect/sql"
)

// place is the folder of a demo: the event files, the pipeline's positions, and
// the embedded files that the pipelines refer to by path.
type place struct {
	base string
	keep bool
}

// checkDir refuses a folder with something in it, which the pipeline would take
// for the shop's, and one whose name could not mean itself inside a YAML file
// and a glob, where it will stand.
func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	base, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if err := checkPath(base); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	entries, err := os.ReadDir(base)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--dir: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("--dir %s: the folder is not empty: give an empty or a new one", dir)
	}
	return nil
}

func checkPath(path string) error {
	if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || strings.ContainsRune(`*?[]{}"'#$!`, r) }) {
		return fmt.Errorf("the pipeline reads the path %q as a pattern, so none of the characters * ? [ ] { } \" ' # $ ! may be in it", path)
	}
	return nil
}

// makePlace makes the folder dir, which stays; where dir is empty a temporary
// one under parent, or under the system's own parent if that is empty too.
func makePlace(dir, parent string) (_ *place, err error) {
	p := &place{keep: dir != ""}
	if p.keep {
		p.base, err = filepath.Abs(dir)
	} else {
		p.base, err = os.MkdirTemp(parent, "connect-demo-")
	}
	if err != nil {
		return nil, fmt.Errorf("making the folder of the demo: %w", err)
	}
	err = checkPath(p.base)
	if err == nil {
		err = p.fill()
	}
	if err != nil {
		return nil, errors.Join(err, p.remove())
	}
	return p, nil
}

func (p *place) fill() error {
	for _, dir := range []string{p.events(), p.state()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making a folder of the demo: %w", err)
		}
	}
	if err := os.CopyFS(filepath.Join(p.base, "config"), config.Files); err != nil {
		return fmt.Errorf("writing the pipelines out: %w", err)
	}
	if err := os.CopyFS(filepath.Join(p.base, "sql"), sql.Files); err != nil {
		return fmt.Errorf("writing the schema out: %w", err)
	}
	return nil
}

func (p *place) events() string  { return filepath.Join(p.base, "events") }
func (p *place) state() string   { return filepath.Join(p.base, "state") }
func (p *place) logFile() string { return filepath.Join(p.base, "demo.log") }

// variables are what the shipped YAML reads from the environment. Slashes serve
// on every system, and survive inside of Bloblang strings.
func (p *place) variables() map[string]string {
	return map[string]string{
		"EVENTS_DIR": filepath.ToSlash(p.events()),
		"STATE_DIR":  filepath.ToSlash(p.state()),
		"CONFIG_DIR": filepath.ToSlash(filepath.Join(p.base, "config")),
		"SQL_DIR":    filepath.ToSlash(filepath.Join(p.base, "sql")),
	}
}

func (p *place) remove() error {
	if p.keep {
		return nil
	}
	err := os.RemoveAll(p.base)
	if err != nil && runtime.GOOS == "windows" {
		return nil // some file is still open; the system's own cleaning will do
	}
	return err
}
