package infer

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

var (
	//go:embed pipeline.yaml.tmpl
	pipelineText     string
	pipelineTemplate = template.Must(template.New("pipeline").Funcs(template.FuncMap{
		"quote": quoteConfig, "list": listConfig,
	}).Parse(pipelineText))
)

// File is one that was written.
type File struct{ Path, Content string }

// Files returns what is to be written into a folder, which the pipeline names as it
// is given here. The mapping is missing when none is needed.
func (t *Table) Files(dir string) ([]File, error) {
	at := func(extension string) string { return filepath.ToSlash(filepath.Join(dir, t.Name+extension)) }
	files := []File{{at(".sql"), t.sql()}}
	mapping := t.mapping()
	mappingPath := ""
	if mapping != "" {
		mappingPath = at(".blobl")
		files = append(files, File{mappingPath, mapping})
	}
	key := ""
	if t.key != nil {
		key = t.key.name
	}
	var b strings.Builder
	err := pipelineTemplate.Execute(&b, map[string]any{
		"Table": t.Name, "Encoding": t.layout.encoding, "SkipRows": t.layout.skipRows, "Header": t.layout.header,
		"Names": t.layout.names, "Delimiter": string(t.layout.delimiter), "Trim": t.spaced(), "Empties": t.empties(),
		"SQL": at(".sql"), "YAML": at(".yaml"), "Mapping": mappingPath, "Key": key, "Ignore": t.layout.header && t.renames(),
		"Paths": escapePaths(t.Paths), "Rejected": t.rejectedName(),
	})
	if err != nil {
		return nil, fmt.Errorf("writing the pipeline: %w", err)
	}
	return append(files, File{at(".yaml"), b.String()}), nil
}

// Write writes files that are not there yet; with replace, others too.
func Write(files []File, replace bool) error {
	for _, file := range files {
		if _, err := os.Stat(file.Path); err == nil && !replace {
			return fmt.Errorf("%s is there already: move it away, or say --force to replace it", file.Path)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, file := range files {
		if err := os.MkdirAll(filepath.Dir(file.Path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file.Path, []byte(file.Content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) rejectedName() string { return cutName(t.Name, "_rejected") }

// sql returns the statements that create the tables where they are missing.
func (t *Table) sql() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (\n", quoteName(t.Name))
	for i, c := range t.columns {
		fmt.Fprintf(&b, "  %s %s", quoteName(c.name), c.choice.sql)
		switch {
		case c == t.key:
			b.WriteString(" PRIMARY KEY")
		case c.choice.required:
			b.WriteString(" NOT NULL")
		}
		if i < len(t.columns)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString(");\n\n-- Records that could not be stored, with the reason.\n")
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (\n", quoteName(t.rejectedName()))
	b.WriteString(`  id uuid PRIMARY KEY,
  rejected_at timestamptz NOT NULL DEFAULT now(),
  stage text NOT NULL,
  reason text NOT NULL,
  path text,
  row_number bigint,
  raw text,
  channel text,
  header text,
  replayed_at timestamptz
);
`)
	return b.String()
}

// mapping returns the lines that are needed, "" for none.
func (t *Table) mapping() string {
	var lines []string
	if !t.layout.header {
		lines = t.objectLines()
	} else {
		for _, c := range t.columns {
			if line := c.line(); line != "" {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return fmt.Sprintf("# One record of the files -> one row of %s.\n\n%s\n", t.Name, strings.Join(lines, "\n"))
}

// line returns what the mapping says of a column, "" for nothing.
func (c *column) line() string {
	source := "this." + pathPart(c.source)
	value := source
	if c.choice.steps != nil {
		value = c.choice.steps(source)
		if !c.choice.required {
			value = fmt.Sprintf("if %s != null { %s }", source, value)
		}
	} else if c.name == c.source {
		return ""
	}
	return fmt.Sprintf("root.%s = %s", pathPart(c.name), value)
}

// objectLines names the cells of records that have no header.
func (t *Table) objectLines() []string {
	lines := []string{"root = {"}
	for i, c := range t.columns {
		source := fmt.Sprintf("this.index(%d)", c.place)
		value := source
		if c.choice.steps != nil {
			value = c.choice.steps(source)
			if !c.choice.required {
				value = fmt.Sprintf("if %s != null { %s } else { null }", source, value)
			}
		}
		comma := ","
		if i == len(t.columns)-1 {
			comma = ""
		}
		lines = append(lines, fmt.Sprintf("  %q: %s%s", c.name, value, comma))
	}
	return append(lines, "}")
}

// pathPart writes a name as a part of a path of Bloblang.
func pathPart(name string) string {
	if plainName.MatchString(strings.ToLower(name)) {
		return name
	}
	return quoteText(name)
}

func (t *Table) renames() bool {
	for _, c := range t.columns {
		if c.name != c.source {
			return true
		}
	}
	return false
}

func (t *Table) spaced() bool {
	for _, c := range t.columns {
		if c.spaced || strings.TrimSpace(c.source) != c.source {
			return true
		}
	}
	return false
}

// empties are the cells that are null.
func (t *Table) empties() []string {
	words := []string{""}
	for _, c := range t.columns {
		for _, word := range c.choice.empties {
			if !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return words
}

// quoteText writes a text in double quotes, as JSON, YAML and Bloblang read them.
func quoteText(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// variable is what the engine replaces in a config before it reads the YAML.
var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// quoteConfig is quoteText for a config, where ${NAME} is written ${{NAME}}.
func quoteConfig(s string) string {
	return variable.ReplaceAllString(quoteText(s), "$${{$1}}")
}

func listConfig(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = quoteConfig(item)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// escapePaths writes the names of files as patterns that match these files alone.
func escapePaths(paths []string) []string {
	escaped := make([]string, len(paths))
	for i, path := range paths {
		escaped[i] = globEscaper.Replace(filepath.ToSlash(path))
	}
	return escaped
}

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `{`, `\{`)
