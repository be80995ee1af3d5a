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

// workdir is the folder of a demo: the event files, the pipeline's positions, and the
// embedded files that the pipelines refer to by path.
type workdir struct {
	base string
	keep bool
}

// checkDir rejects a folder that is not empty, since the pipeline would read its
// files, and a path with characters that are special in YAML or in globs.
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

// makeWorkdir makes and fills the folder dir, which remove keeps. If dir is empty, it
// makes a temporary folder under parent, or under the system's if that is empty too.
func makeWorkdir(dir, parent string) (_ *workdir, err error) {
	p := &workdir{keep: dir != ""}
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

func (p *workdir) fill() error {
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

func (p *workdir) events() string  { return filepath.Join(p.base, "events") }
func (p *workdir) state() string   { return filepath.Join(p.base, "state") }
func (p *workdir) logFile() string { return filepath.Join(p.base, "demo.log") }

// variables returns the environment variables of the shipped YAML. Slashes work on
// every system and need no escaping in Bloblang strings.
func (p *workdir) variables() map[string]string {
	return map[string]string{
		"EVENTS_DIR": filepath.ToSlash(p.events()),
		"STATE_DIR":  filepath.ToSlash(p.state()),
		"CONFIG_DIR": filepath.ToSlash(filepath.Join(p.base, "config")),
		"SQL_DIR":    filepath.ToSlash(filepath.Join(p.base, "sql")),
	}
}

func (p *workdir) remove() error {
	if p.keep {
		return nil
	}
	err := os.RemoveAll(p.base)
	if err != nil && runtime.GOOS == "windows" {
		return nil // a file is still open
	}
	return err
}
