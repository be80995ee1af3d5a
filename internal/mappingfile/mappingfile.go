// Package mappingfile reads the Bloblang files that mappings import, so that an
// error in one is reported with the file's own name, line and column. The engine
// itself names the place of the import.
package mappingfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// Environment returns the global Bloblang environment, with imports read here.
func Environment() *bloblang.Environment {
	return environment(".", nil)
}

// environment resolves relative imports from dir. within are the files whose
// imports these are.
func environment(dir string, within []string) *bloblang.Environment {
	return bloblang.GlobalEnvironment().WithCustomImporter(func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return read(name, within)
	})
}

// read returns the content of a file, once it was parsed if it is Bloblang.
func read(name string, within []string) ([]byte, error) {
	content, err := os.ReadFile(name)
	if err != nil || filepath.Ext(name) != ".blobl" {
		return content, err
	}
	if slices.Contains(within, name) {
		return nil, fmt.Errorf("%s imports itself", name)
	}
	env := environment(filepath.Dir(name), append(slices.Clone(within), name))
	_, err = env.Parse(string(content))
	if err != nil {
		// A file of maps alone is no mapping, but may be imported.
		if _, err := env.Parse(string(content) + "\nroot = this\n"); err == nil {
			return content, nil
		}
	}
	var parse *bloblang.ParseError
	if errors.As(err, &parse) {
		return nil, fmt.Errorf("%s(%d,%d): %s", name, parse.Line, parse.Column, strings.TrimRight(parse.Error(), ": \n"))
	}
	return content, err
}

// CheckConfig returns the first error of a file that a config imports. It is for
// commands whose own linter names the place of the import only, and leaves
// whatever else is wrong with the config to them.
func CheckConfig(schema *service.ConfigSchema, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil //nolint:nilerr // the command reports it
	}
	lints, err := schema.NewStreamConfigLinter().LintYAML(content)
	if err != nil {
		return nil //nolint:nilerr // the command reports it
	}
	for _, lint := range lints {
		if place.MatchString(lint.What) {
			what, _, _ := strings.Cut(lint.What, "\n")
			return fmt.Errorf("%s(%d,%d) %s", path, lint.Line, lint.Column, strings.TrimSuffix(what, ": from "))
		}
	}
	return nil
}

// place is how read writes the place of an error.
var place = regexp.MustCompile(`\.blobl\(\d+,\d+\): `)
