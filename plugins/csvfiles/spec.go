package csvfiles

import (
	_ "embed"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"
)

//go:embed description.md
var description string

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Local").
		Summary("Writes each batch as a CSV file that appears in its folder complete or not at all.").
		Description(description).
		Fields(
			service.NewInterpolatedStringField(fieldPath).
				Description("The file to write. Rows of a batch with different paths go to different files. Functions whose result changes with every call, such as `uuid_v4()` and `now()`, are resolved once per file and do not split a batch. Missing directories are created. An existing file is never overwritten: if the name is taken, `-1`, `-2` and so on is added before the extension.").
				Examples(
					"data/events/events-${! timestamp_unix_nano() }.csv",
					`out/${! metadata("path").filepath_split().index(1) }`,
					`export/${! now().ts_format("2006/01/02") }/orders.csv`,
				).
				LintRule(`root = if this == "" { [ `+strconv.Quote(errPathEmpty)+` ] }`),
			service.NewStringListField(fieldColumns).
				Description("The columns of the files, in order. If empty, a file has every column that occurs in a row of its batch, sorted by name.").
				Default([]any{}),
			service.NewStringAnnotatedEnumField(fieldUnknownFields, map[string]string{
				unknownError:  "The row fails with an error that names the fields.",
				unknownIgnore: "The fields are left out.",
			}).
				Description("What to do with a row that has fields which `columns` does not list.").
				Default(unknownError).
				Advanced(),
			service.NewBoolField(fieldHeader).
				Description("Whether files begin with a header record.").
				Default(true),
			service.NewStringField(fieldDelimiter).
				Description("The character between cells.").
				Default(",").
				LintRule(`root = if !this.re_match("^[^\"\\r\\n]$") { [ `+strconv.Quote(errDelimiterForm)+` ] }`),
			service.NewStringAnnotatedEnumField(fieldCompression, map[string]string{
				compressionNone: "Plain text.",
				compressionGzip: "Compressed with gzip. `.gz` is appended to a path that does not end in it.",
			}).
				Description("How files are compressed.").
				Default(compressionNone),
			service.NewOutputMaxInFlightField().
				Description("The maximum number of batches to write at the same time. Above 1, files may appear in a different order than their batches.").
				Default(1),
			service.NewBatchPolicyField(fieldBatching),
		).
		LintRule(lintRule).
		Example("Write a drop folder", "Writes a file to a folder that another process watches, after a thousand events or after five seconds.", `
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
		Example("Compressed files by category", "Each category has a folder of its own. A batch becomes one file for each category in it.", `
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
		Example("Keep rows that cannot be written", "Rows that are not objects, or that have unknown fields, go to a file of their own as they are.", `
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
// is initialised, perhaps before other packages have registered theirs.
var lintRule = `let columns = this.columns.or([])
root = if this.compression.or("none") == "none" && this.path.or("").has_suffix(".gz") {
  [ ` + strconv.Quote(errPathGzip) + ` ]
} else if $columns.any(c -> c == "") {
  [ ` + strconv.Quote(errColumnEmpty) + ` ]
} else if $columns.unique().length() < $columns.length() {
  [ ` + strconv.Quote(errColumnTwice) + ` ]
}`
