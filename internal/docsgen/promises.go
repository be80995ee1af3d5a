package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// promisesPage is the page with the table of promises, seen from the root of
// the repository. The table stands between the two markers.
const (
	promisesPage  = "docs/delivery-semantics.md"
	promisesBegin = "<!-- promises: generated from the tests by internal/docsgen -->"
	promisesEnd   = "<!-- end of promises -->"
)

// promise is something that users rely on. A test that proves it says so in a
// line //promise:KEY of its doc comment.
type promise struct{ key, text string }

// promises are in the order of the table. Each has to be proved by a test.
var promises = []promise{
	{"no-loss", "No row is lost, whatever is killed when"},
	{"once-by-key", "Every row is stored exactly once by its key"},
	{"once-by-ledger", "Every row is stored exactly once by the ledger, without a key"},
	{"replay-is-durable", "What is acknowledged is as durable as `synchronous_commit` says, also on a replay"},
	{"own-ledger", "Rows that are done for one table are not done for another"},
	{"gaps-are-cheap", "The ledger stays small whatever gaps filters leave"},
	{"one-row", "A bad row costs one row"},
	{"healthy-stays", "A healthy row is never rejected"},
	{"never-stops", "A bad row never stops the stream"},
	{"operator", "What an operator must fix is logged and waited for"},
	{"reject-in-transaction", "A rejection is stored in the transaction of its neighbours"},
	{"newest-wins", "Of two states of one key, the newer stays"},
	{"whole-records", "A partial record is never read"},
	{"identity", "No file is taken for another"},
	{"finish", "Only the finished file is deleted or moved"},
	{"header", "A file without a required column is refused as a whole"},
	{"bounded-memory", "Memory is bounded by configuration"},
	{"bounded-logs", "Faults are logged in a bounded number of lines"},
	{"secrets", "Secrets never reach a log"},
	{"kafka-once", "Every row is stored exactly once through Kafka"},
}

const promiseDirective = "//promise:"

// proof is a test that proves a promise: the folder of its package and its name.
type proof struct{ dir, test string }

// findProofs collects the tests under root by the promises that they prove.
func findProofs(root string) (map[string][]proof, error) {
	proofs := map[string][]proof{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return filepath.SkipDir
		case !strings.HasSuffix(file, "_test.go"):
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				for _, key := range provedBy(f) {
					proofs[key] = append(proofs[key], proof{path.Clean(filepath.ToSlash(dir)), f.Name.Name})
				}
			}
		}
		return nil
	})
	return proofs, err
}

// provedBy returns the keys of the promises that a test names.
func provedBy(f *ast.FuncDecl) []string {
	if f.Doc == nil {
		return nil
	}
	var keys []string
	for _, line := range f.Doc.List {
		if key, ok := strings.CutPrefix(line.Text, promiseDirective); ok {
			keys = append(keys, strings.TrimSpace(key))
		}
	}
	return keys
}

// promisesTable renders the table. It fails on a promise that no test proves,
// and on a key that is no promise.
func promisesTable(proofs map[string][]proof) (string, error) {
	var b strings.Builder
	var failures []error
	b.WriteString("| promise | proved by |\n|---|---|\n")
	for _, p := range promises {
		found := slices.Clone(proofs[p.key])
		if len(found) == 0 {
			failures = append(failures, fmt.Errorf("no test has the line %s%s", promiseDirective, p.key))
			continue
		}
		slices.SortFunc(found, func(a, b proof) int {
			return strings.Compare(a.dir+" "+a.test, b.dir+" "+b.test)
		})
		cells := make([]string, len(found))
		for i, f := range found {
			cells[i] = fmt.Sprintf("[`%s`](../%s)", f.test, f.dir)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", p.text, strings.Join(cells, ", "))
	}
	for key, found := range proofs {
		if !slices.ContainsFunc(promises, func(p promise) bool { return p.key == key }) {
			failures = append(failures, fmt.Errorf("%s in %s names no promise: %s", found[0].test, found[0].dir, key))
		}
	}
	return b.String(), errors.Join(failures...)
}

// withPromises returns the page with a fresh table.
func withPromises(root string, page []byte) ([]byte, error) {
	proofs, err := findProofs(root)
	if err != nil {
		return nil, fmt.Errorf("reading the tests: %w", err)
	}
	table, err := promisesTable(proofs)
	if err != nil {
		return nil, fmt.Errorf("listing the promises: %w", err)
	}
	before, rest, found := bytes.Cut(page, []byte(promisesBegin))
	_, after, closed := bytes.Cut(rest, []byte(promisesEnd))
	if !found || !closed {
		return nil, fmt.Errorf("%s has no lines %q and %q around the table", promisesPage, promisesBegin, promisesEnd)
	}
	return bytes.Join([][]byte{before, []byte(promisesBegin + "\n\n" + table + "\n" + promisesEnd), after}, nil), nil
}

// writePromises brings the table on the page up to date.
func writePromises(root string) error {
	file := filepath.Join(root, promisesPage)
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	fresh, err := withPromises(root, page)
	if err != nil || bytes.Equal(page, fresh) {
		return err
	}
	return os.WriteFile(file, fresh, 0o644)
}
