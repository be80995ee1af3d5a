package csvfiles

import "github.com/redpanda-data/benthos/v4/public/service"

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Local").
		Summary("Writes each batch as a CSV file that appears in its folder whole, or not at all.").
		Description(description).
		Fields(
			service.NewInterpolatedStringField(fieldPath).
				Description("The file to write. Rows of a batch for which it differs go to different files. Functions that give something new every time, such as `uuid_v4()` and those of the clock, are resolved once a file, so they do not cut a batch up. Directories are made as needed. A file is never overwritten: when the name is taken, `-1`, `-2` and so on is put before the extension.").
				Examples(
					"data/events/events-${! timestamp_unix_nano() }.csv",
					`out/${! metadata("path").filepath_split().index(1) }`,
					`export/${! now().ts_format("2006/01/02") }/orders.csv`,
				).
				LintRule(`root = if this == "" { [ "path must name a file, such as data/events/events-${! timestamp_unix_nano() }.csv" ] }`),
			service.NewStringListField(fieldColumns).
				Description("The columns of the files, in order. When empty, the columns of a file are those of all rows of its batch, sorted by name, so that none is lost.").
				Default([]any{}),
			service.NewStringAnnotatedEnumField(fieldUnknownFields, map[string]string{
				unknownError:  "The row fails, with an error that names them.",
				unknownIgnore: "The values are left out.",
			}).
				Description("What to do with a row that has values that are not in `columns`.").
				Default(unknownError).
				Advanced(),
			service.NewBoolField(fieldHeader).
				Description("Whether a file begins with a record of the names of the columns.").
				Default(true),
			service.NewStringField(fieldDelimiter).
				Description("The character between two cells.").
				Default(",").
				LintRule(`root = if !this.re_match("^[^\"\\r\\n]$") { [ "delimiter must be one character, neither a quote nor a line end" ] }`),
			service.NewStringAnnotatedEnumField(fieldCompression, map[string]string{
				compressionNone: "Plain text.",
				compressionGzip: "Compressed by gzip. `.gz` is put behind a path that does not end in it.",
			}).
				Description("How files are compressed.").
				Default(compressionNone),
			service.NewOutputMaxInFlightField().
				Description("How many batches are written at the same time. Above 1, files may appear in another order than their batches came in.").
				Default(1),
			service.NewBatchPolicyField(fieldBatching),
		).
		LintRule(lintRule).
		Example("A drop folder of events", "Puts a file of at most a thousand events, or of what came within five seconds, into a folder that another process watches.", `
input:
  ecommerce_events:
    interval: 100ms

output:
  csv_files:
    path: data/events/events-${! timestamp_unix_nano() }.csv
    columns: [ event_id, user_id, session_id, event_type, product_id, product_name, category, price, quantity, timestamp ]
    batching:
      count: 1000
      period: 5s
`).
		Example("Compressed files by category", "Rows of different categories go to different folders. Each batch makes one file for each category that is in it.", `
input:
  ecommerce_events:
    interval: ""
    batch_size: 500
    count: 10000

output:
  csv_files:
    path: export/${! json("category").replace_all(" ", "-") }/events-${! uuid_v4() }.csv.gz
    compression: gzip
    batching:
      count: 5000
      period: 1s
`).
		Example("Rows that cannot be written are kept", "A row fails by itself, with the rows around it written, when it is not an object or when it has columns that the file has not. Here such rows go to a file of their own, as they are.", `
input:
  stdin: {}

output:
  fallback:
    - csv_files:
        path: data/orders-${! timestamp_unix_nano() }.csv
        columns: [ id, amount ]
        batching:
          count: 100
          period: 1s
    - file:
        path: data/rejected.jsonl
        codec: lines
`)
}

// lintRule uses methods of the Bloblang core only: it is parsed when this package
// is initialised, which may be before the others are known.
const lintRule = `let columns = this.columns.or([])
root = if this.compression.or("none") == "none" && this.path.or("").has_suffix(".gz") {
  [ "path ends in .gz but nothing is compressed: set compression to gzip, or leave .gz out of the path" ]
} else if $columns.any(c -> c == "") {
  [ "columns must not hold an empty name" ]
} else if $columns.unique().length() < $columns.length() {
  [ "columns must not name a column twice" ]
}`

const description = `
A file is written under a hidden name (` + "`.csv_files-….tmp`" + `) in the folder that it is meant for, synced to the disk, and moved to its name in one step. Whoever watches the folder never sees a part of it. When a batch cannot be written, because the disk is full for instance, nothing of it is left, the batch fails as a whole, and inputs send it again. Temporary files that a killed process left are removed when they are ten minutes old, at the start or when the first file goes into their folder.

On Linux and Windows a file is moved without ever overwriting one that exists. Elsewhere, and on file systems that cannot do so, a hard link does the same; and where there are no hard links either, the name is claimed by an empty file first.

## Cells

Messages must be objects, whose keys are the columns.

| Value | Cell |
|---|---|
| text | as it is, NUL bytes and invalid UTF-8 included |
| null, or no such key | empty |
| number | in digits, such as ` + "`12`, `0.5`, `19.90`" + ` (the last if it came as such in JSON or as text) |
| boolean | ` + "`true` or `false`" + ` |
| timestamp | RFC 3339 with as many decimals as needed |
| object, list | as JSON |

Cells are in quotes where RFC 4180 asks for them, and where a reader might otherwise take something away: blanks at an end, a line that looks like a comment, the empty cell of a single column. A line ends in a line feed. The empty text and null look the same.

## Rows that fail

A row that is not an object, or that has columns which ` + "`columns`" + ` does not name, fails by itself: the other rows of the batch are written, and an output such as ` + "`fallback`" + ` can take care of it. Without one, inputs send it again and again.`
