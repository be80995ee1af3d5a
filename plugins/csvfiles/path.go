package csvfiles

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// pathTemplate is the interpolated path. Interpolations that depend on the
// message decide which rows of a batch share a file. Those that change with every
// call, such as uuid_v4(), are resolved once per file.
type pathTemplate struct {
	whole      *service.InterpolatedString
	perMessage []*service.InterpolatedString
}

// changingCall matches calls of functions whose result changes from call to call.
// The clock is one: a batch must not be split because a second ends.
var changingCall = regexp.MustCompile(`\b(uuid_v4|uuid_v7|nanoid|ksuid|ulid|snowflake_id|random_int|fake|count|counter|now|timestamp_unix|timestamp_unix_milli|timestamp_unix_micro|timestamp_unix_nano)\s*\(`)

const interpolationStart = "${!"

// newPathTemplate returns the template of the path raw, whose parsed form is whole.
func newPathTemplate(raw string, whole *service.InterpolatedString) *pathTemplate {
	t := &pathTemplate{whole: whole}
	for _, text := range interpolations(raw) {
		if changingCall.MatchString(text) {
			continue
		}
		if part, err := service.NewInterpolatedString(text); err == nil {
			t.perMessage = append(t.perMessage, part)
		}
	}
	return t
}

// interpolations returns the interpolations in a text. Each ends at the first
// brace that makes it valid.
func interpolations(raw string) (found []string) {
	for {
		start := strings.Index(raw, interpolationStart)
		if start < 0 {
			return found
		}
		raw = raw[start:]
		end := interpolationEnd(raw)
		found = append(found, raw[:end])
		raw = raw[end:]
	}
}

func interpolationEnd(text string) int {
	for end := range len(text) {
		if text[end] != '}' {
			continue
		}
		if _, err := service.NewInterpolatedString(text[:end+1]); err == nil {
			return end + 1
		}
	}
	return len(text)
}

// fileRows are the rows of a batch that go to one file.
type fileRows struct {
	path    string
	indexes []int
}

// split assigns the rows of the batch to files.
func (t *pathTemplate) split(batch service.MessageBatch) (files []fileRows, failures rowFailures) {
	groups := t.group(batch, &failures)
	for _, indexes := range groups {
		path, err := t.resolve(batch, indexes[0])
		if err != nil {
			for _, i := range indexes {
				failures.add(i, err)
			}
			continue
		}
		files = append(files, fileRows{path: path, indexes: indexes})
	}
	return files, failures
}

// group returns the indexes of the rows of each file, in the order of first rows.
func (t *pathTemplate) group(batch service.MessageBatch, failures *rowFailures) (groups [][]int) {
	var parts []*service.MessageBatchInterpolationExecutor
	for _, part := range t.perMessage {
		parts = append(parts, batch.InterpolationExecutor(part))
	}
	known := map[string]int{}
	for i := range batch {
		key, err := groupKey(parts, i)
		if err != nil {
			failures.add(i, fmt.Errorf("interpolating path: %w", err))
			continue
		}
		at, ok := known[key]
		if !ok {
			at = len(groups)
			known[key] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], i)
	}
	return groups
}

func groupKey(parts []*service.MessageBatchInterpolationExecutor, index int) (string, error) {
	if len(parts) == 0 {
		return "", nil
	}
	if len(parts) == 1 {
		return parts[0].TryString(index)
	}
	var key strings.Builder
	for _, part := range parts {
		text, err := part.TryString(index)
		if err != nil {
			return "", err
		}
		key.WriteString(text)
		key.WriteByte(0) // not allowed in paths
	}
	return key.String(), nil
}

func (t *pathTemplate) resolve(batch service.MessageBatch, index int) (string, error) {
	path, err := batch.TryInterpolatedString(index, t.whole)
	if err != nil {
		return "", fmt.Errorf("interpolating path: %w", err)
	}
	if _, base := filepath.Split(path); base == "" || base == "." || base == ".." {
		return "", fmt.Errorf("path resolved to %q, which names no file", path)
	}
	return filepath.Clean(path), nil
}

// fixedDirectory returns the directory of a path, or "" if it is interpolated.
func fixedDirectory(raw string) string {
	before, _, interpolated := strings.Cut(raw, interpolationStart)
	if !interpolated {
		return filepath.Dir(raw)
	}
	if strings.ContainsAny(raw[len(before):], `/\`) {
		return ""
	}
	return filepath.Dir(before + "x")
}
