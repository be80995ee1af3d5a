package csvfiles

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fieldPath          = "path"
	fieldColumns       = "columns"
	fieldUnknownFields = "unknown_fields"
	fieldHeader        = "header"
	fieldDelimiter     = "delimiter"
	fieldCompression   = "compression"
	fieldBatching      = "batching"
)

// The values of unknown_fields and compression.
const (
	unknownError    = "error"
	unknownIgnore   = "ignore"
	compressionNone = "none"
	compressionGzip = "gzip"
)

// What is wrong with a configuration, and what to write instead. Each is both a
// lint rule and a check in Go.
const (
	errPathEmpty     = "path must name a file, such as data/events/events-${! timestamp_unix_nano() }.csv"
	errPathGzip      = "path ends in .gz but nothing is compressed: set compression to gzip, or leave .gz out of the path"
	errColumnEmpty   = "columns must not hold an empty name"
	errColumnTwice   = "columns must not name a column twice"
	errDelimiterForm = "delimiter must be one character, neither a quote nor a line end"
)

// config is the parsed configuration.
type config struct {
	path           *pathTemplate
	fixedDirectory string   // the directory of the path, "" if it is interpolated
	columns        []string // empty: the columns of the rows
	ignoreUnknown  bool
	header         bool
	delimiter      rune
	gzip           bool
}

func init() {
	service.MustRegisterBatchOutput("csv_files", spec(),
		func(parsed *service.ParsedConfig, mgr *service.Resources) (out service.BatchOutput, batching service.BatchPolicy, maxInFlight int, err error) {
			conf, err := configFromParsed(parsed)
			if err != nil {
				return nil, batching, 0, err
			}
			if maxInFlight, err = parsed.FieldMaxInFlight(); err != nil {
				return nil, batching, 0, err
			}
			if batching, err = parsed.FieldBatchPolicy(fieldBatching); err != nil {
				return nil, batching, 0, err
			}
			return newOutput(conf, mgr.Logger()), batching, maxInFlight, nil
		})
}

func configFromParsed(p *service.ParsedConfig) (c config, err error) {
	rawPath, err := p.FieldString(fieldPath)
	if err != nil {
		return c, err
	}
	path, err := p.FieldInterpolatedString(fieldPath)
	if err != nil {
		return c, err
	}
	c.path = newPathTemplate(rawPath, path)
	c.fixedDirectory = fixedDirectory(rawPath)
	if c.columns, err = p.FieldStringList(fieldColumns); err != nil {
		return c, err
	}
	unknown, err := p.FieldString(fieldUnknownFields)
	if err != nil {
		return c, err
	}
	c.ignoreUnknown = unknown == unknownIgnore
	if c.header, err = p.FieldBool(fieldHeader); err != nil {
		return c, err
	}
	delimiter, err := p.FieldString(fieldDelimiter)
	if err != nil {
		return c, err
	}
	if c.delimiter, err = parseDelimiter(delimiter); err != nil {
		return c, err
	}
	compression, err := p.FieldString(fieldCompression)
	if err != nil {
		return c, err
	}
	c.gzip = compression == compressionGzip
	return c, c.check(rawPath, compression)
}

// check repeats the lint rules, for configurations that were not linted.
func (c *config) check(rawPath, compression string) error {
	if rawPath == "" {
		return errors.New(errPathEmpty)
	}
	if compression == compressionNone && strings.HasSuffix(rawPath, gzipExtension) {
		return errors.New(errPathGzip)
	}
	seen := make(map[string]bool, len(c.columns))
	for _, name := range c.columns {
		if name == "" {
			return errors.New(errColumnEmpty)
		}
		if seen[name] {
			return errors.New(errColumnTwice)
		}
		seen[name] = true
	}
	return nil
}

func parseDelimiter(text string) (rune, error) {
	r, size := utf8.DecodeRuneInString(text)
	if size == 0 || size != len(text) || r == utf8.RuneError || r == '"' || r == '\r' || r == '\n' {
		return 0, fmt.Errorf("%s, got %q", errDelimiterForm, text)
	}
	return r, nil
}
