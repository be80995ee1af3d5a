package csvwatch

// lintRule holds the rules across fields; config.check has the same for configurations that were not linted. Fields
// that hold interpolations of the environment were resolved before.
const lintRule = `root = [
  if this.paths.or([]).length() == 0 { "paths is empty: name at least one, such as data/*.csv" },
  if this.delete_on_finish.or(false) && this.move_on_finish.or("") != "" { "delete_on_finish and move_on_finish exclude each other: set only one of them" },
  if this.batch_count.or(1000) < 1 { "batch_count must be at least 1" },
  if this.checkpoint_limit.or(32768) < this.batch_count.or(1000) { "checkpoint_limit must be at least batch_count, or no batch could ever be full: raise it" },
  if this.max_open_files.or(64) < 4 { "max_open_files must be at least 4" },
  if this.delimiter.or(",").length() != 1 { "delimiter must be a single character" },
  if this.comment.or("").length() > 1 { "comment must be a single character, or empty" },
  if this.comment.or("") != "" && this.comment.or("") == this.delimiter.or(",") { "comment and delimiter are the same: use two different characters" },
  if this.skip_rows.or(0) < 0 { "skip_rows must not be negative" },
  if !this.parse_header_row.or(true) && this.skip_repeated_headers.or(false) { "skip_repeated_headers needs parse_header_row: true" },
  if !this.parse_header_row.or(true) && this.expected_headers.or([]).length() > 0 { "expected_headers needs parse_header_row: true" },
  if this.schema_drift.or("accept") == "reject" && this.expected_headers.or([]).length() == 0 { "schema_drift: reject needs expected_headers to compare with" },
  if this.parse_header_row.or(true) && this.expected_number_of_fields.or(0) == -1 { "expected_number_of_fields: -1 needs parse_header_row: false" },
  if this.expected_number_of_fields.or(0) < -1 { "expected_number_of_fields must be at least -1" },
  if this.max_record_bytes.or(1) < 1 { "max_record_bytes must be at least 1" },
].filter(rule -> rule != null)`
