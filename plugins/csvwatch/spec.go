package csvwatch

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
)

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Local").
		Summary("Watches folders of CSV files, reads new and growing ones as structured rows, and resumes where it was after a restart.").
		Description(description).
		Fields(fileFields()...).
		Fields(formatFields()...).
		Fields(readingFields()...).
		Fields(checkpointFields()...).
		Fields(finishFields()...).
		Field(service.NewAutoRetryNacksToggleField().
			Description("Whether rows that the output rejects are sent again by themselves. If false, they, the rows of the same batch and those of the same file behind them come again only after a restart.").
			ShortDescription("Whether rejected rows are sent again by themselves.")).
		LintRule(lintRule).
		Example("Watch a folder", "Rows of all CSV files in a folder, those that come later included, are printed once each, over restarts too.", `
input:
  csv_watch:
    paths: [ ./data/events/*.csv ]

output:
  stdout: {}
`).
		Example("Keep bad records apart", "Records that cannot be read as CSV are written to a file of their own, with the reason; the others go on.", `
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
		Example("Clear the folder", "Files are moved away when all their rows are written and nobody has written to them for a minute.", `
input:
  csv_watch:
    paths: [ ./inbox/*.csv ]
    quiet_period: 1m
    move_on_finish: ./done

output:
  file:
    path: ./all.jsonl
`).
		Example("Files from elsewhere", "Semicolons, comments and an old character set. The files must have these columns, in this order.", `
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
		Example("Reports and bank exports", "Two lines stand above the header, the cells are separated by semicolons, and there is space around the quotes. A file that lacks a column is refused rather than read without it.\n\n```text\nAccount;DE02 1203 0000 0000 2020 51\nFrom 1 to 31 October\nbooked; \"payee\"; \"amount\"; \"note\"\n2025-10-01; \"Café Knüpf\"; \"-12,50\"; \"\"\n```", `
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
		Example("Exports appended to one another", "A file made by `cat monday.csv tuesday.csv` has its header twice, the second time perhaps behind a byte order mark. Its first column has no name, as pandas writes an index: it becomes `column_1`.\n\n```text\n,sku,price\n0,lamp,19.90\n,sku,price\n0,chair,49.00\n```", `
input:
  csv_watch:
    paths: [ ./exports/*.csv ]
    skip_repeated_headers: true

output:
  stdout: {}
`).
		Example("Files for spreadsheets", "The first line names the delimiter, and needs no configuration. A workbook or a ZIP file that is named like a CSV file is refused, with what to do.\n\n```text\nsep=;\nsku;price\nlamp;19,90\n```", `
input:
  csv_watch:
    paths: [ "./exports/*.{csv,CSV}" ]

output:
  stdout: {}
`).
		Example("Positions in a cache", "The positions are kept in a cache resource. Here it keeps files on a shared disk, in a directory that must be there; with `redis`, `sql` or others, of a build that has them, the container needs no disk at all.", `
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
			Description("The files to read: paths or glob patterns, where `**` stands for any number of directories, `{a,b}` for one of several, and `[a-z]` for one character of several. Directories that do not exist yet are waited for.").
			ShortDescription("The files to read: paths or glob patterns.").
			Example([]string{"data/events/*.csv"}).
			Example([]string{"/srv/shops/**/*.csv", "/srv/shops/**/*.csv.gz"}),
		service.NewStringListField(fieldExcludePatterns).
			Description("Patterns of files and directories to leave out. One without a slash is for the name alone; another is for the whole path, or for what follows the fixed part of the pattern that found the file.").
			ShortDescription("Patterns of files and directories to leave out.").
			Example([]string{"old-*.csv", "**/archive/**"}).
			Default([]any{}),
		service.NewBoolField(fieldIncludeHidden).
			Description("Also read files whose names begin with a dot or an underscore, or end like unfinished files. A pattern that itself names such files does not need it.").
			ShortDescription("Also read hidden and unfinished names.").
			Default(false).
			Advanced(),
		service.NewStringAnnotatedEnumField(fieldOrder, map[string]string{
			orderOldest: "The file that was written longest ago comes first.",
			orderName:   "Files come in the order of their paths.",
		}).
			Description("Which of the files that wait is read first. What comes while others wait takes its place among them.").
			ShortDescription("Which of the files that wait is read first.").
			Default(orderOldest),
		service.NewDurationField(fieldMinimumAge).
			Description("Read a file only when it has not been written for this long. Usually not needed, since only whole records are read anyway.").
			ShortDescription("Read a file only when it has not been written for this long.").
			Examples("10s", "5m").
			Default("0s"),
		service.NewBoolField(fieldResumeReplaced).
			Description("When a file is replaced, by another one that is renamed over it, with a longer one that begins with every byte that was read, go on behind these: as `rsync` and programs that write a growing file anew replace it. If false, the new file is read from its start.").
			ShortDescription("Go on in a longer version that replaces a file.").
			Default(true).
			Advanced(),
		service.NewDurationField(fieldPollInterval).
			Description("How often to look for new and changed files without having been notified. This is how long it may take to see a change where the filesystem does not tell of any.").
			ShortDescription("How often to look for new and changed files.").
			Examples("200ms", "10s").
			Default("1s"),
		service.NewBoolField(fieldNotify).
			Description("Ask the operating system to tell of changes. Without it files are found every `poll_interval` only.").
			ShortDescription("Ask the operating system to tell of changes.").
			Default(true).
			Advanced(),
	}
}

func formatFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewBoolField(fieldParseHeaderRow).
			Description("Take the first record of each file as the names of the columns, so that messages are objects. Files may have their columns in different orders. A column without a name is called `column_N`, where N is its place from 1. If false, messages are arrays.").
			ShortDescription("Take the first record of each file as the names of the columns.").
			Default(true),
		service.NewIntField(fieldSkipRows).
			Description("How many lines to skip at the start of each file, before its header or first record: the title of a report, the account of a bank export. Empty lines count, and so does a line such as `sep=;`, which needs no skipping.").
			ShortDescription("How many lines to skip at the start of each file.").
			Example(3).
			Default(0),
		service.NewBoolField(fieldSkipRepeated).
			Description("Skip records that are the header once more, as in files that were made by appending several exports, also behind a byte order mark. They keep their `csv_row`, and are counted in `csv_watch_headers_skipped`.").
			ShortDescription("Skip records that are the header once more.").
			Default(false),
		service.NewStringField(fieldDelimiter).
			Description("The character between cells. A file whose first line is `sep=;`, as Excel writes it, has the delimiter that this line names.").
			ShortDescription("The character between cells.").
			Examples(",", ";", "\t", "|").
			Default(","),
		service.NewStringField(fieldComment).
			Description("Lines that begin with this character are left out. Empty: there are no comments.").
			ShortDescription("Lines that begin with this character are left out.").
			Example("#").
			Default("").
			Advanced(),
		service.NewBoolField(fieldLazyQuotes).
			Description("Let a quote appear in an unquoted cell, and a quote that is not doubled in a quoted one.").
			Default(false),
		service.NewBoolField(fieldTrimSpace).
			Description("Take white space off both ends of each cell and column name, within quotes and around them, as in `1, \"two\"`. The metadata `csv_raw` keeps it.").
			ShortDescription("Take white space off both ends of each cell.").
			Default(false),
		service.NewStringListField(fieldNullValues).
			Description("Cells that are exactly one of these become null. With `trim_space` they are compared without their space. YAML takes an unquoted NULL for nothing: write it in quotes.").
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
			Description("The longest record, in bytes. A longer one, as an unclosed quote makes, is a bad record; reading goes on at the next line after its beginning that makes sense.").
			ShortDescription("The longest record, in bytes.").
			Examples(65536, 16777216).
			Default(csvrows.DefaultMaxRecordBytes).
			Advanced(),
		service.NewStringListField(fieldExpectedHeaders).
			Description("The columns that files must have. Files may have others too, in any order, unless `schema_drift` says otherwise. A file that has none of them is refused in any case.").
			ShortDescription("The columns that files must have.").
			Example([]string{"id", "name", "price"}).
			Default([]any{}),
		service.NewStringAnnotatedEnumField(fieldSchemaDrift, map[string]string{
			driftAccept:        "Files may lack some, have others, or have them in another order; messages have what the file has. Each kind of difference is logged once.",
			driftRejectMissing: "Files that lack a column are refused. They may have others, and any order; each kind of difference is logged once.",
			driftReject:        "Files must have exactly these columns, in this order, or they are refused.",
		}).
			Description("What becomes of files whose header differs from `expected_headers`. A refused file is one ERROR in the log and one failed message, whose `csv_row` is 0; it is read once the file or the configuration is put right.").
			ShortDescription("What becomes of files whose header differs from expected_headers.").
			Default(driftRejectMissing),
		service.NewIntField(fieldExpectedFields).
			Description("The number of cells that each record must have. 0: as many as the header or, without one, the first record has. -1: any number, for files without a header.").
			ShortDescription("The number of cells that each record must have.").
			Example(10).
			Default(0).
			Advanced(),
		service.NewBoolField(fieldContinueOnError).
			Description("Go on behind a bad record, which itself becomes a failed message. If false, the file is left alone at its first bad record, which is told in the log, until it changes.").
			ShortDescription("Go on behind a bad record.").
			Default(true),
	}
}

func readingFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewIntField(fieldBatchCount).
			Description("The most rows of a batch. What is there is emitted at once, so that a large number costs no time.").
			ShortDescription("The most rows of a batch.").
			Examples(100, 5000).
			Default(defaultBatchCount),
		service.NewDurationField(fieldQuietPeriod).
			Description("How long a file must not have changed for a last record without a line end to be taken, and for the file to be deleted or moved. Set it longer than writers pause.").
			ShortDescription("How long a file must not have changed to count as finished.").
			Examples("1s", "1m").
			Default("5s"),
		service.NewIntField(fieldMaxOpenFiles).
			Description("The most files that are open at once. With more in the middle, files are closed and opened again in turns.").
			ShortDescription("The most files that are open at once.").
			Example(256).
			Default(64).
			Advanced(),
	}
}

func checkpointFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldCheckpointDir).
			Description("A local directory to keep positions in. It survives crashes of the process and of the machine, and is locked, so that a second input on it waits for the first to end. Each input needs its own. Not used with `checkpoint_cache`.").
			ShortDescription("A local directory to keep positions in.").
			Example("/var/lib/connect/shop_events").
			Default(defaultCheckpointDir),
		service.NewStringField(fieldCheckpointCache).
			Description("A cache resource to keep positions in, in place of `checkpoint_dir`: Redis, SQL, or any other. The positions are as durable as the cache is, and must not expire. After a crash on another machine it takes 15 seconds until the former owner counts as dead.").
			ShortDescription("A cache resource to keep positions in.").
			Example("positions").
			Default(""),
		service.NewStringField(fieldCheckpointKey).
			Description("The beginning of the keys in `checkpoint_cache`, of which there are 65. Inputs that share a cache each need their own.").
			ShortDescription("The beginning of the keys in checkpoint_cache.").
			Example("shop_events").
			Default("csv_watch").
			Advanced(),
		service.NewDurationField(fieldCheckpointEvery).
			Description("How often positions are saved. After a crash, rows that were acknowledged since the last time are read again.").
			ShortDescription("How often positions are saved.").
			Examples("100ms", "10s").
			Default("1s").
			Advanced(),
		service.NewIntField(fieldCheckpointLimit).
			Description("The most rows that may be read and not yet acknowledged. It bounds memory, and what is read again after a crash. Allow for as many batches as the pipeline and the output work on at once.").
			ShortDescription("The most rows that may be read and not yet acknowledged.").
			Example(100000).
			Default(defaultCheckpointLimit),
		service.NewIntField(fieldCheckpointBytes).
			Description("The most bytes of rows that may be read and not yet acknowledged, for files with very long rows or very many columns: each cell counts as its content and 64 bytes. It may be exceeded by one turn of a file, 4 MiB and one record.").
			ShortDescription("The most bytes that may be read and not yet acknowledged.").
			Example(268435456).
			Default(defaultCheckpointBytes).
			Advanced(),
	}
}

func finishFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewBoolField(fieldDeleteOnFinish).
			Description("Delete files of which every row is acknowledged, once they have been quiet for `quiet_period`.").
			ShortDescription("Delete files of which every row is acknowledged.").
			Default(false),
		service.NewStringField(fieldMoveOnFinish).
			Description("A directory to move such files to, on the same filesystem or on another one. Nothing in it is overwritten or read.").
			ShortDescription("A directory to move such files to.").
			Example("data/done").
			Default(""),
	}
}
