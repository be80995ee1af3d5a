package csvfiles

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// pathTemplate is the interpolated path. Its interpolations are of two kinds:
// those that depend on the message, by which the rows of a batch are told apart,
// and those that give something new every time, such as uuid_v4(), which are
// resolved once a file.
type pathTemplate struct {
	whole      *service.InterpolatedString
	perMessage []*service.InterpolatedString
}

// everNew matches calls of functions that give something new every time, or
// may: what depends on the clock must not cut a batch in two when a second ends.
var everNew = regexp.MustCompile(`\b(uuid_v4|uuid_v7|nanoid|ksuid|ulid|snowflake_id|random_int|fake|count|counter|now|timestamp_unix|timestamp_unix_milli|timestamp_unix_micro|timestamp_unix_nano)\s*\(`)

const interpolationStart = "${!"

// newPathTemplate takes the path apart. whole is what raw was parsed to.
func newPathTemplate(raw string, whole *service.InterpolatedString) *pathTemplate {
	t := &pathTemplate{whole: whole}
	for _, text := range interpolations(raw) {
		if everNew.MatchString(text) {
			continue
		}
		if part, err := service.NewInterpolatedString(text); err == nil {
			t.perMessage = append(t.perMessage, part)
		}
	}
	return t
}

// interpolations gives the interpolations of a text as they stand in it. One
// ends at the first brace at which it is complete.
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

// split tells which rows of the batch go to which file.
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

// group gives the rows that belong together, in the order of their first.
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
		key.WriteByte(0) // no path holds it
	}
	return key.String(), nil
}

func (t *pathTemplate) resolve(batch service.MessageBatch, index int) (string, error) {
	path, err := batch.TryInterpolatedString(index, t.whole)
	if err != nil {
		return "", fmt.Errorf("interpolating path: %w", err)
	}
	if _, base := filepath.Split(path); base == "" || base == "." || base == ".." {
		return "", fmt.Errorf("path gave %q, which names no file", path)
	}
	return filepath.Clean(path), nil
}

// fixedDirectory is the directory of a path of which at most the file name is
// interpolated, else "".
func fixedDirectory(raw string) string {
	before, _, interpolated := strings.Cut(raw, interpolationStart)
	if !interpolated {
		return filepath.Dir(raw)
	}
	if strings.ContainsAny(raw[len(before):], `/\`) {
		return "" // an interpolation may itself make directories
	}
	return filepath.Dir(before + "x")
}
