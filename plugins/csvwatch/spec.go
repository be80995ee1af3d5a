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
		Fields(fields()...)
}

func fields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldPaths).Description("Which files to read: paths or glob patterns."),
		service.NewStringListField(fieldExcludePatterns).Description("Which of them to leave out.").Default([]any{}),
		service.NewBoolField(fieldIncludeHidden).Description("Also read hidden and temporary names.").Default(false).Advanced(),
		service.NewBoolField(fieldParseHeaderRow).Description("Whether the first row has the names of the columns.").Default(true),
		service.NewStringField(fieldDelimiter).Description("The character between cells.").Default(","),
		service.NewStringField(fieldComment).Description("Lines that begin with this character are left out.").Default("").Advanced(),
		service.NewBoolField(fieldLazyQuotes).Description("Whether a quote may appear in an unquoted field.").Default(false),
		service.NewStringListField(fieldExpectedHeaders).Description("The columns that files should have.").Default([]any{}),
		service.NewIntField(fieldExpectedFields).Description("The number of cells of each record; 0 for as many as the header has.").Default(0).Advanced(),
		service.NewStringEnumField(fieldSchemaDrift, driftAccept, driftReject).Description("What to do with files whose header differs from expected_headers.").Default(driftAccept),
		service.NewStringField(fieldEncoding).Description("The character set of the files.").Default("utf-8").Advanced(),
		service.NewIntField(fieldMaxRecordBytes).Description("The longest record.").Default(csvrows.DefaultMaxRecordBytes).Advanced(),
		service.NewBoolField(fieldContinueOnError).Description("Whether to read on after a bad record.").Default(true),
		service.NewDurationField(fieldPollInterval).Description("How often everything is looked at.").Default("1s"),
		service.NewBoolField(fieldNotify).Description("Whether to ask the system for notification of changes.").Default(true).Advanced(),
		service.NewDurationField(fieldMinimumAge).Description("How long a file must not have been written before it is read.").Default("0s"),
		service.NewDurationField(fieldQuietPeriod).Description("How long a file must not have changed to count as finished.").Default("5s"),
		service.NewStringEnumField(fieldOrder, orderOldest, orderName).Description("Which files come first.").Default(orderOldest),
		service.NewIntField(fieldBatchCount).Description("The most rows of a batch.").Default(defaultBatchCount),
		service.NewIntField(fieldMaxOpenFiles).Description("The most files open at once.").Default(64).Advanced(),
		service.NewStringField(fieldCheckpointCache).Description("A cache resource to keep positions in.").Default(""),
		service.NewStringField(fieldCheckpointKey).Description("The beginning of the keys in checkpoint_cache.").Default("csv_watch").Advanced(),
		service.NewStringField(fieldCheckpointDir).Description("A local directory to keep positions in.").Default(defaultCheckpointDir),
		service.NewDurationField(fieldCheckpointEvery).Description("How often positions are saved.").Default("1s").Advanced(),
		service.NewIntField(fieldCheckpointLimit).Description("The most rows that may be read and not yet acknowledged.").Default(defaultCheckpointLimit).Advanced(),
		service.NewIntField(fieldCheckpointBytes).Description("The same in bytes.").Default(defaultCheckpointBytes).Advanced(),
		service.NewBoolField(fieldDeleteOnFinish).Description("Whether to delete files that are done.").Default(false),
		service.NewStringField(fieldMoveOnFinish).Description("A directory to move files to that are done.").Default(""),
		service.NewAutoRetryNacksToggleField(),
	}
}
