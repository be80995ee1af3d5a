package csvfiles

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/klauspost/compress/gzip"
)

const gzipExtension = ".gz"

// publisher puts finished files in their folders. It is safe for concurrent use.
type publisher struct {
	gzip bool

	mu      sync.Mutex
	highest map[string]int // the last number used for a path
}

// rememberedPaths bounds publisher.highest.
const rememberedPaths = 1024

func newPublisher(compress bool) *publisher {
	return &publisher{gzip: compress, highest: map[string]int{}}
}

// publish writes content to a file at path, or at the first free numbered name,
// and returns the name. The file is durable on success; an error leaves no file
// behind.
func (p *publisher) publish(path string, content []byte) (string, error) {
	if p.gzip && filepath.Ext(path) != gzipExtension {
		path += gzipExtension
	}
	dir := filepath.Dir(path)
	if err := makeDirectory(dir); err != nil {
		return "", fmt.Errorf("making the directory of %s: %w", path, err)
	}
	temp, err := p.writeTemporary(dir, content)
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	number, err := placeFree(temp, path, p.firstToTry(path))
	if err != nil {
		_ = os.Remove(temp)
		return "", err
	}
	p.placed(path, number)
	target := suffixed(path, number)
	if err := syncDirectory(dir); err != nil {
		_ = os.Remove(target) // the batch is sent again
		return "", fmt.Errorf("syncing the directory of %s: %w", target, err)
	}
	return target, nil
}

// writeTemporary writes content to a temporary file in dir and syncs it.
func (p *publisher) writeTemporary(dir string, content []byte) (name string, err error) {
	file, err := createTemporary(dir)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	if err = p.writeContent(file, content); err != nil {
		return "", err
	}
	if err = file.Sync(); err != nil {
		return "", err
	}
	if err = file.Close(); err != nil {
		return "", err
	}
	return file.Name(), nil
}

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func (p *publisher) writeContent(w io.Writer, content []byte) error {
	if !p.gzip {
		_, err := w.Write(content)
		return err
	}
	z := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(z)
	z.Reset(w)
	if _, err := z.Write(content); err != nil {
		return err
	}
	return z.Close()
}

// firstToTry returns the first number to try for path. It skips numbers that were
// used before.
func (p *publisher) firstToTry(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.highest[path]; n > 0 {
		return n + 1
	}
	return 0
}

func (p *publisher) placed(path string, number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if number == 0 {
		delete(p.highest, path)
		return
	}
	if len(p.highest) >= rememberedPaths {
		clear(p.highest)
	}
	p.highest[path] = max(p.highest[path], number)
}

// makeDirectory makes a directory and its parents durably.
func makeDirectory(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	var made []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		made = append(made, filepath.Dir(d))
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, parent := range made {
		if err := syncDirectory(parent); err != nil {
			return err
		}
	}
	return nil
}
