// Command docsgen writes docs/plugins: a Markdown page for each component of the
// bundle, made from its spec, and an index. After changing a spec, run it from
// anywhere in the repository:
//
//	go run ./internal/docsgen
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/ecommerce-ingest/connect/plugins/all"
)

//go:generate go run .

// pagesDir is the folder of the pages, relative to the root of the repository.
const pagesDir = "docs/plugins"

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run ./internal/docsgen\n\nWrites "+pagesDir+" from the specs of the plugins.")
	}
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "docsgen:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	pages, err := generate(root, service.GlobalEnvironment(), bloblang.GlobalEnvironment())
	if err != nil {
		return err
	}
	return errors.Join(write(filepath.Join(root, pagesDir), pages), writePromises(root))
}

// findRoot returns the directory of go.mod at or above the working directory.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory; run it inside the repository")
		}
		dir = parent
	}
}

// generate returns the content of every page by file name.
func generate(root string, env *service.Environment, mappings *bloblang.Environment) (map[string]string, error) {
	components, err := find(root, env, mappings)
	if err != nil {
		return nil, err
	}
	kinds := map[string]int{}
	for _, c := range components {
		kinds[c.name]++
	}
	pages := map[string]string{}
	var index []entry
	for _, c := range components {
		file := c.name + ".md"
		if kinds[c.name] > 1 { // an input and an output, for instance
			file = c.name + "_" + c.kind + ".md"
		}
		page, err := c.render()
		if err != nil {
			return nil, fmt.Errorf("rendering the page of %s: %w", c.name, err)
		}
		pages[file] = page
		index = append(index, entry{Name: c.name, File: file, Type: c.kind, Summary: c.summary()})
	}
	if pages["README.md"], err = renderIndex(index); err != nil {
		return nil, fmt.Errorf("rendering the index: %w", err)
	}
	return pages, nil
}

// write replaces the pages in dir with these.
func write(dir string, pages map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of the pages: %w", err)
	}
	old, err := readPages(dir)
	if err != nil {
		return err
	}
	for name := range old {
		if _, wanted := pages[name]; !wanted {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("removing the page of a plugin that is gone: %w", err)
			}
		}
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(page), 0o644); err != nil {
			return fmt.Errorf("writing a page: %w", err)
		}
	}
	return nil
}

// readPages returns the Markdown files in dir by name, with Unix line ends. dir need
// not exist.
func readPages(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return nil, fmt.Errorf("listing the pages: %w", err)
	}
	pages := map[string]string{}
	for _, file := range files {
		page, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a page: %w", err)
		}
		pages[filepath.Base(file)] = strings.ReplaceAll(string(page), "\r\n", "\n")
	}
	return pages, nil
}
