package csvwatch

import (
	"errors"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/discover"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/timelimit"
)

const (
	fieldPaths             = "paths"
	fieldExcludePatterns   = "exclude_patterns"
	fieldIncludeHidden     = "include_hidden"
	fieldParseHeaderRow    = "parse_header_row"
	fieldSkipRows          = "skip_rows"
	fieldSkipRepeated      = "skip_repeated_headers"
	fieldDelimiter         = "delimiter"
	fieldComment           = "comment"
	fieldLazyQuotes        = "lazy_quotes"
	fieldExpectedHeaders   = "expected_headers"
	fieldExpectedFields    = "expected_number_of_fields"
	fieldSchemaDrift       = "schema_drift"
	fieldTrimSpace         = "trim_space"
	fieldNullValues        = "null_values"
	fieldEncoding          = "encoding"
	fieldMaxRecordBytes    = "max_record_bytes"
	fieldContinueOnError   = "continue_on_error"
	fieldPollInterval      = "poll_interval"
	fieldNotify            = "notify"
	fieldMinimumAge        = "minimum_age"
	fieldQuietPeriod       = "quiet_period"
	fieldOrder             = "order"
	fieldResumeReplaced    = "resume_replaced"
	fieldExitAfterRead     = "exit_after_read"
	fieldBatchCount        = "batch_count"
	fieldMaxOpenFiles      = "max_open_files"
	fieldCheckpointCache   = "checkpoint_cache"
	fieldCheckpointKey     = "checkpoint_key"
	fieldCheckpointDir     = "checkpoint_dir"
	fieldCheckpointEvery   = "checkpoint_interval"
	fieldCheckpointLimit   = "checkpoint_limit"
	fieldCheckpointBytes   = "checkpoint_limit_bytes"
	fieldDeleteOnFinish    = "delete_on_finish"
	fieldMoveOnFinish      = "move_on_finish"
	orderOldest            = "oldest_first"
	orderName              = "name"
	driftAccept            = "accept"
	driftRejectMissing     = "reject_missing"
	driftReject            = "reject"
	defaultCheckpointDir   = "data/state/csv_watch"
	defaultBatchCount      = 1000
	defaultCheckpointLimit = 32768
	defaultCheckpointBytes = 64 << 20
)

func init() {
	service.MustRegisterBatchInput("csv_watch", spec(), func(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
		c, err := configFromParsed(conf, res)
		if err != nil {
			return nil, err
		}
		return newInput(c, res), nil
	})
}

// config is a checked configuration.
type config struct {
	patterns        *discover.Patterns
	rows            csvrows.Options
	nulls           []string
	continueOnError bool
	pollInterval    time.Duration
	notify          bool
	minimumAge      time.Duration
	quietPeriod     time.Duration
	byName          bool
	resumeReplaced  bool
	exitAfterRead   bool
	batchCount      int
	maxOpenFiles    int
	cache, cacheKey string
	dir             string
	saveEvery       time.Duration
	limit           int
	limitBytes      int
	deleteOnFinish  bool
	moveOnFinish    string
	autoRetryNacks  bool
}

func configFromParsed(p *service.ParsedConfig, res *service.Resources) (c config, err error) {
	g := getter{p: p}
	paths := g.list(fieldPaths)
	exclude := g.list(fieldExcludePatterns)
	hidden := g.bool(fieldIncludeHidden)
	c.rows = rowOptions(&g)
	c.nulls = g.list(fieldNullValues)
	c.continueOnError = g.bool(fieldContinueOnError)
	c.pollInterval = g.duration(fieldPollInterval)
	c.notify = g.bool(fieldNotify)
	c.minimumAge = g.duration(fieldMinimumAge)
	c.quietPeriod = g.duration(fieldQuietPeriod)
	c.byName = g.string(fieldOrder) == orderName
	c.resumeReplaced = g.bool(fieldResumeReplaced)
	c.exitAfterRead = g.bool(fieldExitAfterRead)
	c.batchCount = g.int(fieldBatchCount)
	c.maxOpenFiles = g.int(fieldMaxOpenFiles)
	c.cache = g.string(fieldCheckpointCache)
	c.cacheKey = g.string(fieldCheckpointKey)
	c.dir = g.string(fieldCheckpointDir)
	c.saveEvery = g.duration(fieldCheckpointEvery)
	c.limit = g.int(fieldCheckpointLimit)
	c.limitBytes = g.int(fieldCheckpointBytes)
	c.deleteOnFinish = g.bool(fieldDeleteOnFinish)
	c.moveOnFinish = g.string(fieldMoveOnFinish)
	c.autoRetryNacks = g.bool(service.AutoRetryNacksToggleFieldName)
	if g.err != nil {
		return c, g.err
	}
	if err := c.check(paths); err != nil {
		return c, err
	}
	avoid := []string{c.moveOnFinish}
	if c.cache == "" {
		avoid = append(avoid, positions.FilesOf(c.dir)...) // which grow with each row read
	}
	if c.patterns, err = discover.Compile(paths, exclude, hidden, avoid...); err != nil {
		return c, err
	}
	var moveErr error
	moving := c
	if returned, _ := timelimit.Run(moveCheckLimit, func() { moveErr = moving.checkMove() }); !returned {
		res.Logger().Warnf("A file system does not answer, so it was not checked whether the files in %s are read again", c.moveOnFinish)
	} else if moveErr != nil {
		return c, moveErr
	}
	if c.cache != "" && !res.HasCache(c.cache) {
		return c, fmt.Errorf("checkpoint_cache names the cache resource %q, which is not defined: add it to cache_resources", c.cache)
	}
	return c, nil
}

// rowOptions reads the fields about how files are written.
func rowOptions(g *getter) csvrows.Options {
	return csvrows.Options{
		Delimiter:           g.char(fieldDelimiter),
		Comment:             g.char(fieldComment),
		LazyQuotes:          g.bool(fieldLazyQuotes),
		SkipRows:            g.int(fieldSkipRows),
		ParseHeaderRow:      g.bool(fieldParseHeaderRow),
		SkipRepeatedHeaders: g.bool(fieldSkipRepeated),
		ExpectedHeaders:     g.list(fieldExpectedHeaders),
		RejectMissing:       g.string(fieldSchemaDrift) == driftRejectMissing,
		RejectDrift:         g.string(fieldSchemaDrift) == driftReject,
		ExpectedFields:      g.int(fieldExpectedFields),
		TrimSpace:           g.bool(fieldTrimSpace),
		MaxRecordBytes:      g.int(fieldMaxRecordBytes),
		Encoding:            g.string(fieldEncoding),
	}
}

// check repeats the lint rules, for configurations that were not linted.
func (c *config) check(paths []string) error {
	switch {
	case len(paths) == 0:
		return errors.New(errPaths)
	case c.deleteOnFinish && c.moveOnFinish != "":
		return errors.New(errDeleteAndMove)
	case c.batchCount < 1:
		return errors.New(errBatchCount)
	case c.limit < c.batchCount:
		return errors.New(errCheckpointLimit)
	case c.limitBytes < 1:
		return errors.New("checkpoint_limit_bytes must be at least 1")
	case c.pollInterval <= 0:
		return errors.New("poll_interval must be longer than 0s")
	case c.saveEvery <= 0:
		return errors.New("checkpoint_interval must be longer than 0s")
	case c.minimumAge < 0:
		return errors.New("minimum_age must not be negative")
	case c.quietPeriod <= 0:
		return errors.New("quiet_period must be longer than 0s, or records that are still being written would be split")
	case c.maxOpenFiles < 4:
		return errors.New(errMaxOpenFiles)
	case c.cache == "" && c.dir == "":
		return errors.New("there is nowhere to save positions: set checkpoint_dir or checkpoint_cache")
	case c.cache != "" && c.cacheKey == "":
		return errors.New("checkpoint_key is empty: give the positions in the cache a key, such as csv_watch")
	case c.rows.ParseHeaderRow && c.rows.ExpectedFields == csvrows.AnyFields:
		return errors.New(errAnyFields)
	case c.rows.ExpectedFields < csvrows.AnyFields:
		return errors.New(errExpectedFields)
	case c.rows.MaxRecordBytes < 1:
		return errors.New(errMaxRecordBytes)
	}
	return c.rows.Validate()
}

// getter reads fields and keeps the first error.
type getter struct {
	p   *service.ParsedConfig
	err error
}

func get[T any](g *getter, name string, read func(...string) (T, error)) (v T) {
	if g.err != nil || !g.p.Contains(name) {
		return v
	}
	v, g.err = read(name)
	return v
}

func (g *getter) list(name string) []string          { return get(g, name, g.p.FieldStringList) }
func (g *getter) string(name string) string          { return get(g, name, g.p.FieldString) }
func (g *getter) bool(name string) bool              { return get(g, name, g.p.FieldBool) }
func (g *getter) int(name string) int                { return get(g, name, g.p.FieldInt) }
func (g *getter) duration(name string) time.Duration { return get(g, name, g.p.FieldDuration) }

// char reads a field that holds one character, or none.
func (g *getter) char(name string) rune {
	text := []rune(g.string(name))
	switch {
	case g.err != nil:
		return 0
	case name == fieldDelimiter && len(text) != 1:
		g.err = errors.New(errDelimiter)
	case len(text) > 1:
		g.err = fmt.Errorf("%s must be a single character, or empty", name)
	case len(text) == 1:
		return text[0]
	}
	return 0
}
