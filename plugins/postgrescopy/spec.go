package postgrescopy

import (
	_ "embed" // the description

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// description is the body of the output's documentation.
//
//go:embed description.md
var description string

func spec() *service.ConfigSpec {
	return withExamples(service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Services").
		Summary("Writes batches of messages into a PostgreSQL table by binary COPY, and rejects single rows rather than batches.").
		Description(description).
		Fields(
			service.NewStringField(fieldDSN).
				Description("The database to write to, as a URL or as `key=value` pairs. Options of libpq 15 mean what they mean there, with several hosts, `target_session_attrs` and service files, and so do its environment variables (`PGPASSWORD`, `PGPASSFILE`, `PGSERVICEFILE` …), which stand in for what is left out; but one password serves all hosts. Those that cannot be honoured, such as `hostaddr`, `sslcrl` and GSSAPI, are refused by name, with what to write instead.").
				ShortDescription("The database to write to, as a URL or as key=value pairs.").
				Secret().
				Examples(
					"postgres://writer:secret@localhost:5432/shop?sslmode=disable",
					"postgres://writer@db1,db2/shop?target_session_attrs=read-write",
					"host=localhost dbname=shop user=writer",
				),
			service.NewInterpolatedStringField(fieldTable).
				Description("The table to write to, with its schema in front if the search path does not have it. A part is looked for as it is written, and else in lower case; put it in double quotes if it has a dot in it. With interpolations each message names its own table; a message whose table does not exist, or cannot be written to, is rejected. The 128 tables used last are kept prepared.").
				ShortDescription("The table to write to.").
				Examples("user_events", "shop.user_events", `"Odd.Name"`, "events_${! this.country }"),
			service.NewStringListField(fieldColumns).
				Description("The columns to write, each from the message's field of the same name. The default is every column of the table but those that PostgreSQL computes (`GENERATED ALWAYS`).").
				ShortDescription("The columns to write. Default: those of the table.").
				Example([]string{"event_id", "user_id", "price"}).
				Optional(),
			service.NewBloblangField(fieldMapping).
				// No Example: `connect create` would write it out as the field's value.
				Description("Changes each message on its way to its row, like a `mutation` in the pipeline but cheaper: `root` is the object of columns, a line such as `root.event_type = this.event_type.lowercase()` changes one of them, and the others pass as they are. A message for which it throws is rejected; one that it deletes (`root = deleted()`) is filtered, and its offset is done. `from \"mappings/order.blobl\"` reads it from a file.").
				ShortDescription("A mapping that changes each message on its way to its row.").
				Optional(),
			service.NewBloblangField(fieldArgsMapping).
				// No Example: `connect create` would write it out as the field's value.
				Description("A mapping that yields an array with a value for each of `columns`, for those who prefer it to messages that are objects of columns, such as `root = [ this.event.id, this.user.id, metadata(\"kafka_topic\") ]`.").
				ShortDescription("A mapping that yields an array with a value for each of columns.").
				Optional(),
			rejectsField(),
			service.NewStringAnnotatedEnumField(fieldUnknownFields, map[string]string{
				unknownError:  "A message with a field that the table has no column for is rejected.",
				unknownIgnore: "Such fields are not written.",
			}).
				Description("What becomes of fields that the table has no column for. Columns that PostgreSQL computes are never taken for unknown; their fields are not written.").
				Default(unknownError),
			service.NewStringAnnotatedEnumField(fieldWriteMode, map[string]string{
				string(table.Append): "Every row is inserted. A row whose key is there already is rejected.",
				string(table.Ignore): "A row whose key is there already is skipped.",
				string(table.Upsert): "A row whose key is there already replaces the values of the columns that it has. Of several in a batch the last wins.",
			}).
				Description("What becomes of a row whose key the table has already.").
				Default(string(table.Append)),
			service.NewStringListField(fieldPrimaryKeys).
				Description("The columns that tell rows apart, for `ignore` and `upsert`. There must be a unique index or a primary key on just these columns, in any order. The default is the table's primary key.").
				ShortDescription("The columns that tell rows apart. Default: the table's primary key.").
				Example([]string{"event_id"}).
				Optional(),
			service.NewStringField(fieldSequenceBy).
				Description("For `upsert`: the column that tells newer from older, such as a version or a time of change. A row replaces what is there unless that is newer, so that rows may come late and in any order, and several batches may be written at the same time. Without it the last to arrive wins, and batches are written one after another, whatever `max_in_flight` says.").
				ShortDescription("For upsert: the column that tells newer from older.").
				Optional(),
			exactlyOnceField(),
		).
		Fields(connectionFields()...).
		Fields(
			service.NewIntField(fieldMaxInFlight).
				Description("How many batches are written at the same time, each over a connection of its own. More than the database has cores to spare for makes nothing faster. An `upsert` without `sequence_by` writes one at a time, so that the last state of a key stays.").
				Default(4),
			service.NewBatchPolicyField(fieldBatching),
		).
		LintRule(lintRule))
}

func rejectsField() *service.ConfigField {
	return service.NewObjectField(fieldRejects,
		service.NewStringField(fieldRejectsTable).
			Description("The table, in the same database. Of the columns of [its default row](#rejected-rows) it may have any; `id` should be its primary key.").
			Examples("rejected_events"),
		service.NewBloblangField(fieldRejectsMapping).
			Description("A mapping that makes the row of a rejected message, in place of the default. `@reject_stage` is `parse`, `mapping` or `database`, and `@reject_reason` why, such as `root = { \"why\": @reject_reason, \"message\": content().string() }`.").
			Optional(),
	).
		Description("Store rejected rows in a table: those that come with an error, that `mapping` throws for, that do not fit their columns, and that the server refuses. They are inserted in the transaction that stores their neighbours, and summed up in the log. Without it they are given back to the engine, for a `fallback` output.").
		ShortDescription("Store rejected rows in a table.").
		Optional()
}

func exactlyOnceField() *service.ConfigField {
	return service.NewObjectField(fieldExactlyOnce,
		service.NewInterpolatedStringField(fieldChannel).
			// No Examples here and below: `connect create` would write the first one
			// out as the field's value, and so switch the ledger on.
			Description("The sequence that a message belongs to, such as a file's lasting identity, `${! @csv_channel }`, or a topic's partition, `${! @kafka_topic }/${! @kafka_partition }`. It must not be used again for other content."),
		service.NewInterpolatedStringField(fieldOffsetToken).
			Description("The message's number in its channel, an integer that is the same whenever the message is sent again, such as `${! @csv_row }` or `${! @kafka_offset }`. The ledger is off while this and `channel` are empty."),
		service.NewInterpolatedStringField(fieldLowWatermark).
			Description("The number up to which the input has had every message of the channel acknowledged, in the units of `offset_token`. It keeps the ledger small where messages are filtered out on the way: numbers below it are done, whether they came or not. Empty takes the metadata `csv_low_watermark` if `offset_token` is `${! @csv_row }`, and `kafka_low_watermark` if it is `${! @kafka_offset }`. A message without it says nothing.").
			ShortDescription("Below it every message of the channel was acknowledged.").
			Default(""),
		service.NewStringField(fieldScope).
			Description("What the messages are done for. Empty is the table that they are written to, so that two outputs with two tables each store every message. Outputs with the same scope share their marks: what one of them has stored, the others skip.").
			ShortDescription("What the messages are done for. Empty: the table.").
			Default(""),
		service.NewStringField(fieldLedgerTable).
			Description("The table that notes which messages are dealt with. It is made if it is missing.").
			Default("postgres_copy_ledger"),
	).
		Description("Store every message once, whether or not the table has a key: a ledger notes, in the same transaction as the rows, which offsets of which channel they are, and rows that it has already are skipped. Needs PostgreSQL 14. See [exactly once](#exactly-once).").
		ShortDescription("Store every message once, by a ledger in the same database.").
		Optional()
}

func connectionFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldInitFiles).
			Description("Files of SQL statements to run whenever a connection has been made, in this order and before `init_statement`. Globs are allowed. All of it runs in one transaction and under an advisory lock, so that instances that start together take turns; the statements must bear being run again. If one fails, the output does not start.").
			ShortDescription("Files of SQL statements to run when connecting.").
			Example([]any{"./sql/*.sql"}).
			Optional().
			Advanced(),
		service.NewStringField(fieldInitStatement).
			// No Example: `connect create` would write it out as the field's value.
			Description("SQL statements to run like those of `init_files`, after them, such as `CREATE TABLE IF NOT EXISTS events (id uuid PRIMARY KEY, payload jsonb)`.").
			ShortDescription("SQL statements to run when connecting, after init_files.").
			Optional().
			Advanced(),
		service.NewDurationField(fieldConnMaxIdleTime).
			Description("How long a connection may be idle before it is closed. `0s` is for ever.").
			Default("5m").
			Advanced(),
		service.NewDurationField(fieldConnMaxLifeTime).
			Description("How old a connection may become before it is closed, when it is not in use. `0s` is for ever.").
			Default("1h").
			Advanced(),
		service.NewIntField(fieldConnMaxIdle).
			Description("How many idle connections are kept. `0` keeps all of them.").
			Default(0).
			Advanced(),
		service.NewIntField(fieldConnMaxOpen).
			Description("How many connections may be open. `0` is as many as `max_in_flight`.").
			Default(0).
			Advanced(),
		service.NewDurationField(fieldConnectTimeout).
			Description("How long to wait for a host to take a connection, unless the DSN, the service file or `PGCONNECT_TIMEOUT` says. `0s` is for ever.").
			Default("10s").
			Advanced(),
		service.NewDurationField(fieldStatementTimeout).
			Description("How long the server may work on one statement before it gives up and the batch is tried again. `0s` leaves it to the server's own setting.").
			Default("0s").
			Advanced(),
		service.NewStringField(fieldApplicationName).
			Description("The name under which connections show in `pg_stat_activity`, unless the DSN gives one.").
			Default("postgres_copy").
			Advanced(),
		service.NewStringMapField(fieldSession).
			Description("Settings for every transaction, such as `synchronous_commit: \"off\"`. They are made with `SET LOCAL`, and so work behind a pooler too.").
			Example(map[string]any{"synchronous_commit": "off", "lock_timeout": "5s"}).
			Optional().
			Advanced(),
		service.NewBoolField(fieldDryRun).
			Description("Send every batch, and roll its transaction back in place of committing it. Rows are counted, and rejected, as if they had been stored, but nothing changes in the database: the init statements are not run, and the ledger of `exactly_once` is left alone. `connect check` does this.").
			ShortDescription("Roll every transaction back in place of committing it.").
			Default(false).
			Advanced(),
		service.NewTLSToggledField(fieldTLS).
			Description("TLS settings in place of those of the DSN (`sslmode`, `sslrootcert` …).").
			Advanced(),
	}
}
