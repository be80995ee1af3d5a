package csvwatch

import "strconv"

// What is wrong with a configuration, and what to write instead. Each is both a lint rule and a check in Go.
const (
	errPaths           = "paths is empty: name at least one, such as data/*.csv"
	errDeleteAndMove   = "delete_on_finish and move_on_finish exclude each other: set only one of them"
	errBatchCount      = "batch_count must be at least 1"
	errCheckpointLimit = "checkpoint_limit must be at least batch_count, or no batch could ever be full: raise it"
	errMaxOpenFiles    = "max_open_files must be at least 4"
	errDelimiter       = "delimiter must be a single character"
	errAnyFields       = "expected_number_of_fields: -1 needs parse_header_row: false"
	errExpectedFields  = "expected_number_of_fields must be at least -1"
	errMaxRecordBytes  = "max_record_bytes must be at least 1"
)

// lintRule has the rules across fields. config.check and csvrows.Options.Validate repeat them, for configurations that
// were not linted.
var lintRule = `root = [
  if this.paths.or([]).length() == 0 { ` + strconv.Quote(errPaths) + ` },
  if this.delete_on_finish.or(false) && this.move_on_finish.or("") != "" { ` + strconv.Quote(errDeleteAndMove) + ` },
  if this.batch_count.or(1000) < 1 { ` + strconv.Quote(errBatchCount) + ` },
  if this.checkpoint_limit.or(32768) < this.batch_count.or(1000) { ` + strconv.Quote(errCheckpointLimit) + ` },
  if this.max_open_files.or(64) < 4 { ` + strconv.Quote(errMaxOpenFiles) + ` },
  if this.delimiter.or(",").length() != 1 { ` + strconv.Quote(errDelimiter) + ` },
  if this.comment.or("").length() > 1 { "comment must be a single character, or empty" },
  if this.comment.or("") != "" && this.comment.or("") == this.delimiter.or(",") { "comment and delimiter are the same: use two different characters" },
  if this.skip_rows.or(0) < 0 { "skip_rows must not be negative" },
  if !this.parse_header_row.or(true) && this.skip_repeated_headers.or(false) { "skip_repeated_headers needs parse_header_row: true" },
  if !this.parse_header_row.or(true) && this.expected_headers.or([]).length() > 0 { "expected_headers needs parse_header_row: true" },
  if this.schema_drift.or("accept") == "reject" && this.expected_headers.or([]).length() == 0 { "schema_drift: reject needs expected_headers to compare with" },
  if this.parse_header_row.or(true) && this.expected_number_of_fields.or(0) == -1 { ` + strconv.Quote(errAnyFields) + ` },
  if this.expected_number_of_fields.or(0) < -1 { ` + strconv.Quote(errExpectedFields) + ` },
  if this.max_record_bytes.or(1) < 1 { ` + strconv.Quote(errMaxRecordBytes) + ` },
].filter(rule -> rule != null)`
