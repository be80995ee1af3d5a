package csvwatch

import (
	_ "embed"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
)

//go:embed description.md
var description string

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Local").
		Summary("Watches folders of CSV files, reads new and growing files as structured rows, and resumes after a restart.").
		Description(description).
		Fields(fileFields()...).
		Fields(formatFields()...).
		Fields(readingFields()...).
		Fields(checkpointFields()...).
		Fields(finishFields()...).
		Field(service.NewAutoRetryNacksToggleField().
			Description("Whether rows that the output rejects are sent again automatically. If false, these rows, the rows of the same batch and the later rows of the same file are sent again only after a restart.").
			ShortDescription("Whether rejected rows are sent again automatically.")).
		LintRule(lintRule).
		Example("Watch a folder", "Prints every row of the CSV files in a folder exactly once, including files that appear later, and across restarts.", `
input:
  csv_watch:
    paths: [ ./data/events/*.csv ]

output:
  stdout: {}
`).
		Example("Separate bad records", "Records that cannot be read as CSV are written to a file of their own, with the reason.", `
input:
  csv_watch:
    paths: [ ./data/events/**/*.csv, ./data/events/**/*.csv.gz ]

output:
  switch:
    cases:
      - check: errored()
        output:
          file:
            path: ./data/rejected.jsonl
          processors:
            - mapping: |
                root = {"path": @path, "row": @csv_row, "reason": error(), "raw": @csv_raw}
      - output:
          stdout: {}
`).
		Example("Clear the folder", "Files are moved away once all their rows are written and they have not changed for a minute.", `
input:
  csv_watch:
    paths: [ ./inbox/*.csv ]
    quiet_period: 1m
    move_on_finish: ./done

output:
  file:
    path: ./all.jsonl
`).
		Example("Other formats", "Files with semicolons, comments and an old character set. They must have exactly these columns, in this order.", `
input:
  csv_watch:
    paths: [ ./exports/*.txt ]
    delimiter: ";"
    comment: "#"
    encoding: windows-1252
    expected_headers: [ id, name, price ]
    schema_drift: reject

output:
  stdout: {}
`).
		Example("Reports and bank exports", "Two lines precede the header, cells are separated by semicolons, and there are spaces around the quotes. A file that lacks a column is refused rather than read without it.\n\n```text\nAccount;DE02 1203 0000 0000 2020 51\nFrom 1 to 31 October\nbooked; \"payee\"; \"amount\"; \"note\"\n2025-10-01; \"Café Knüpf\"; \"-12,50\"; \"\"\n```", `
input:
  csv_watch:
    paths: [ ./exports/*.csv ]
    skip_rows: 2
    delimiter: ";"
    trim_space: true
    encoding: windows-1252
    expected_headers: [ booked, payee, amount ]

output:
  stdout: {}
`).
		Example("Concatenated exports", "A file made by `cat monday.csv tuesday.csv` has its header twice, perhaps with a byte order mark the second time. Its first column has no name, as pandas writes an index: it becomes `column_1`.\n\n```text\n,sku,price\n0,lamp,19.90\n,sku,price\n0,chair,49.00\n```", `
input:
  csv_watch:
    paths: [ ./exports/*.csv ]
    skip_repeated_headers: true

output:
  stdout: {}
`).
		Example("Files for spreadsheets", "The first line names the delimiter and needs no configuration. A workbook or ZIP file with the name of a CSV file is refused with advice.\n\n```text\nsep=;\nsku;price\nlamp;19,90\n```", `
input:
  csv_watch:
    paths: [ "./exports/*.{csv,CSV}" ]

output:
  stdout: {}
`).
		Example("Positions in a cache", "Positions are kept in a cache resource: here files in an existing directory on a shared disk. With a cache such as `redis` or `sql`, in a build that includes it, the container needs no disk.", `
input:
  csv_watch:
    paths: [ ./data/events/*.csv ]
    checkpoint_cache: positions
    checkpoint_key: shop_events

cache_resources:
  - label: positions
    file:
      directory: ./positions

output:
  stdout: {}
`)
}

func fileFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldPaths).
			Description("The files to read: paths or glob patterns, where `**` stands for any number of directories, `{a,b}` for one of several, and `[a-z]` for one character of several. Missing directories are read once they exist.").
			ShortDescription("The files to read: paths or glob patterns.").
			Example([]string{"data/events/*.csv"}).
			Example([]string{"/srv/shops/**/*.csv", "/srv/shops/**/*.csv.gz"}),
		service.NewStringListField(fieldExcludePatterns).
			Description("Patterns of files and directories to ignore. A pattern without a slash matches the name; others match the whole path, or the part of it that follows the fixed part of the pattern in `paths`.").
			ShortDescription("Patterns of files and directories to ignore.").
			Example([]string{"old-*.csv", "**/archive/**"}).
			Default([]any{}),
		service.NewBoolField(fieldIncludeHidden).
			Description("Also read files whose names begin with a dot or an underscore, or end like unfinished files. Patterns that match only such names do not need it.").
			ShortDescription("Also read files with hidden or unfinished names.").
			Default(false).
			Advanced(),
		service.NewStringAnnotatedEnumField(fieldOrder, map[string]string{
			orderOldest: "By modification time, the oldest first.",
			orderName:   "By path.",
		}).
			Description("The order in which waiting files are read. New files are inserted into it.").
			ShortDescription("The order in which waiting files are read.").
			Default(orderOldest),
		service.NewDurationField(fieldMinimumAge).
			Description("Read a file only once it has not been modified for this long. Rarely needed, since only complete records are read.").
			ShortDescription("Read a file only once it has not been modified for this long.").
			Examples("10s", "5m").
			Default("0s"),
		service.NewBoolField(fieldExitAfterRead).
			Description("End, and with it the pipeline, once every file that is there is read and every row acknowledged, in place of waiting for more. A last record without a line end is taken after `quiet_period`, as ever.").
			ShortDescription("End once everything that is there is read.").
			Default(false).
			Advanced(),
		service.NewBoolField(fieldResumeReplaced).
			Description("If a file is renamed over another one, is longer and begins with every byte that was read of that, resume after these bytes: `rsync` and programs that rewrite a growing file replace it like this. If false, the new file is read from its start.").
			ShortDescription("Resume in a longer version that replaces a file.").
			Default(true).
			Advanced(),
		service.NewDurationField(fieldPollInterval).
			Description("How often to scan for new and changed files without a notification. On file systems without notifications, a change is detected after at most this time.").
			ShortDescription("How often to scan for new and changed files.").
			Examples("200ms", "10s").
			Default("1s"),
		service.NewBoolField(fieldNotify).
			Description("Use the operating system's notifications of changes. If false, changes are detected every `poll_interval` only.").
			ShortDescription("Use the operating system's notifications of changes.").
			Default(true).
			Advanced(),
	}
}

func formatFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewBoolField(fieldParseHeaderRow).
			Description("Read the names of the columns from the first record of each file, so that messages are objects. The order of the columns may differ between files. A column without a name is called `column_N`, where N is its number from 1. If false, messages are arrays.").
			ShortDescription("Read the names of the columns from the first record of each file.").
			Default(true),
		service.NewIntField(fieldSkipRows).
			Description("How many lines to skip at the start of each file, before its header or first record, such as the title of a report. Empty lines count, and so does a line such as `sep=;`, which needs no skipping.").
			ShortDescription("How many lines to skip at the start of each file.").
			Example(3).
			Default(0),
		service.NewBoolField(fieldSkipRepeated).
			Description("Skip records that repeat the header, as in concatenated exports, also after a byte order mark. They count in `csv_row` and in the metric `csv_watch_headers_skipped_total`.").
			ShortDescription("Skip records that repeat the header.").
			Default(false),
		service.NewStringField(fieldDelimiter).
			Description("The character between cells. In a file whose first line is `sep=;`, as Excel writes it, that line sets the delimiter.").
			ShortDescription("The character between cells.").
			Examples(",", ";", "\t", "|").
			Default(","),
		service.NewStringField(fieldComment).
			Description("Lines that begin with this character are ignored. Empty: no comments.").
			ShortDescription("Lines that begin with this character are ignored.").
			Example("#").
			Default("").
			Advanced(),
		service.NewBoolField(fieldLazyQuotes).
			Description("Accept quotes in unquoted cells, and quotes that are not doubled in quoted cells.").
			Default(false),
		service.NewBoolField(fieldTrimSpace).
			Description("Remove white space from both ends of each cell and column name, inside quotes and around them, as in `1, \"two\"`. The metadata `csv_raw` keeps it.").
			ShortDescription("Remove white space from both ends of each cell.").
			Default(false),
		service.NewStringListField(fieldNullValues).
			Description("Cells that are exactly one of these become null. With `trim_space`, they are compared after trimming. In YAML, write NULL in quotes, since it means no value without them.").
			ShortDescription("Cells that are exactly one of these become null.").
			Example([]string{""}).
			Example([]string{"", "NULL", "n/a"}).
			Default([]any{}),
		service.NewStringField(fieldEncoding).
			Description("The character set of the files, by its IANA name. Files whose names end in `.gz` or `.zst` are decompressed first.").
			ShortDescription("The character set of the files, by its IANA name.").
			Examples("utf-16", "iso-8859-1", "windows-1252", "shift_jis").
			Default("utf-8").
			Advanced(),
		service.NewIntField(fieldMaxRecordBytes).
			Description("The maximum length of a record in bytes. A longer one, often due to an unclosed quote, is a bad record; reading continues at the next valid line after its start.").
			ShortDescription("The maximum length of a record in bytes.").
			Examples(65536, 16777216).
			Default(csvrows.DefaultMaxRecordBytes).
			Advanced(),
		service.NewStringListField(fieldExpectedHeaders).
			Description("The columns that files must have. Files may have others too, in any order, unless `schema_drift` says otherwise. A file that has none of them is refused in any case.").
			ShortDescription("The columns that files must have.").
			Example([]string{"id", "name", "price"}).
			Default([]any{}),
		service.NewStringAnnotatedEnumField(fieldSchemaDrift, map[string]string{
			driftAccept:        "Columns may be missing, additional or in another order; messages have the columns of the file. Each kind of difference is logged once.",
			driftRejectMissing: "Files that lack a column are refused. Additional columns and any order are accepted; each kind of difference is logged once.",
			driftReject:        "Files must have exactly these columns, in this order, or they are refused.",
		}).
			Description("What to do with files whose header differs from `expected_headers`. A refused file is logged as one ERROR and becomes one failed message, whose `csv_row` is 0; it is read once the file or the configuration has been corrected.").
			ShortDescription("What to do with files whose header differs from expected_headers.").
			Default(driftRejectMissing),
		service.NewIntField(fieldExpectedFields).
			Description("The number of cells that each record must have. 0: that of the header or, without one, of the first record. -1: any number, for files without a header.").
			ShortDescription("The number of cells that each record must have.").
			Example(10).
			Default(0).
			Advanced(),
		service.NewBoolField(fieldContinueOnError).
			Description("Continue after a bad record, which becomes a failed message. If false, reading stops at the first bad record, which is logged, until the file changes.").
			ShortDescription("Continue after a bad record.").
			Default(true),
	}
}

func readingFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewIntField(fieldBatchCount).
			Description("The maximum number of rows in a batch. A batch does not wait until it is full, so a large number costs no time.").
			ShortDescription("The maximum number of rows in a batch.").
			Examples(100, 5000).
			Default(defaultBatchCount),
		service.NewDurationField(fieldQuietPeriod).
			Description("How long a file must be unchanged before a last record without a line end is read, and before the file is deleted or moved. Set it longer than writers pause.").
			ShortDescription("How long a file must be unchanged to count as finished.").
			Examples("1s", "1m").
			Default("5s"),
		service.NewIntField(fieldMaxOpenFiles).
			Description("The maximum number of open files. If more are in progress, they are closed and reopened in turn.").
			ShortDescription("The maximum number of open files.").
			Example(256).
			Default(64).
			Advanced(),
	}
}

func checkpointFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldCheckpointDir).
			Description("A local directory for positions. It survives crashes of the process and of the machine, and is locked: a second input with the same directory waits for the first to end. Each input needs its own. Not used with `checkpoint_cache`.").
			ShortDescription("A local directory for positions.").
			Example("/var/lib/connect/shop_events").
			Default(defaultCheckpointDir),
		service.NewStringField(fieldCheckpointCache).
			Description("A cache resource for positions, instead of `checkpoint_dir`: Redis, SQL, or any other. Positions are as durable as the cache, and must not expire in it. After a crash on another machine, its lock expires after 15 seconds.").
			ShortDescription("A cache resource for positions.").
			Example("positions").
			Default(""),
		service.NewStringField(fieldCheckpointKey).
			Description("The prefix of the 65 keys in `checkpoint_cache`. Inputs that share a cache each need their own.").
			ShortDescription("The prefix of the keys in checkpoint_cache.").
			Example("shop_events").
			Default("csv_watch").
			Advanced(),
		service.NewDurationField(fieldCheckpointEvery).
			Description("How often positions are saved. After a crash, rows acknowledged since then are read again.").
			ShortDescription("How often positions are saved.").
			Examples("100ms", "10s").
			Default("1s").
			Advanced(),
		service.NewIntField(fieldCheckpointLimit).
			Description("The maximum number of unacknowledged rows. It bounds memory, and how many rows are read again after a crash. Allow for the batches that the pipeline and the output process at once.").
			ShortDescription("The maximum number of unacknowledged rows.").
			Example(100000).
			Default(defaultCheckpointLimit),
		service.NewIntField(fieldCheckpointBytes).
			Description("The maximum size of unacknowledged rows in bytes, for files with very long rows or very many columns: each cell counts as its content and 64 bytes. It may be exceeded by one time slice of a file, which is 4 MiB and one record.").
			ShortDescription("The maximum size of unacknowledged rows in bytes.").
			Example(268435456).
			Default(defaultCheckpointBytes).
			Advanced(),
	}
}

func finishFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewBoolField(fieldDeleteOnFinish).
			Description("Delete files once every row has been acknowledged and they have not changed for `quiet_period`.").
			ShortDescription("Delete files once every row has been acknowledged.").
			Default(false),
		service.NewStringField(fieldMoveOnFinish).
			Description("A directory to move such files to instead, on the same file system or another one. Nothing in it is overwritten or read.").
			ShortDescription("A directory to move such files to instead.").
			Example("data/done").
			Default(""),
	}
}
