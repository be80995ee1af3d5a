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
		Summary("Writes batches of messages to a PostgreSQL table with binary COPY, and rejects single rows rather than batches.").
		Description(description).
		Fields(
			service.NewStringField(fieldDSN).
				Description("The database to write to, as a URL or as `key=value` pairs. The options of libpq 15 work, including several hosts, `target_session_attrs` and service files, and so do its environment variables (`PGPASSWORD`, `PGPASSFILE`, `PGSERVICEFILE` …) for options that the DSN leaves out. All hosts share one password. Unsupported options, such as `hostaddr`, `sslcrl`, GSSAPI and those of pgx (`pool_max_conns` …), are rejected by name, with what to write instead.").
				ShortDescription("The database to write to, as a URL or as key=value pairs.").
				Secret().
				Examples(
					"postgres://writer:secret@localhost:5432/shop?sslmode=disable",
					"postgres://writer@db1,db2/shop?target_session_attrs=read-write",
					"host=localhost dbname=shop user=writer",
				),
			service.NewInterpolatedStringField(fieldTable).
				Description("The table to write to, with its schema unless that is in the search path. Names are looked up as written, and otherwise in lower case; quote a name that contains a dot. With interpolations, each message has its own table, and a message whose table does not exist or cannot be written to is rejected. Up to 128 recently used tables are cached.").
				ShortDescription("The table to write to.").
				Examples("user_events", "shop.user_events", `"Odd.Name"`, "events_${! this.country }"),
			service.NewStringListField(fieldColumns).
				Description("The columns to write, each from the field of the same name. By default, all columns of the table except those that PostgreSQL computes (`GENERATED ALWAYS`).").
				ShortDescription("The columns to write. Default: those of the table.").
				Example([]string{"event_id", "user_id", "price"}).
				Optional(),
			service.NewBloblangField(fieldMapping).
				// No Example: `connect create` would write it out as the field's value.
				Description("A mapping of each message to its row, like a `mutation` in the pipeline but cheaper: `root` is the object of columns, a line such as `root.event_type = this.event_type.lowercase()` changes one of them, and the others stay unchanged. A message for which it throws is rejected; one that it deletes (`root = deleted()`) is filtered, and its offset is done. `from \"mappings/order.blobl\"` reads it from a file.").
				ShortDescription("A mapping of each message to its row.").
				Optional(),
			service.NewBloblangField(fieldArgsMapping).
				// No Example: `connect create` would write it out as the field's value.
				Description("A mapping to an array with a value for each of `columns`, as an alternative to messages that are objects of columns, such as `root = [ this.event.id, this.user.id, metadata(\"kafka_topic\") ]`.").
				ShortDescription("A mapping to an array with a value for each of columns.").
				Optional(),
			rejectsField(),
			service.NewStringAnnotatedEnumField(fieldUnknownFields, map[string]string{
				unknownError:   "Messages with such fields are rejected.",
				unknownIgnore:  "Such fields are not written.",
				unknownCollect: "Such fields are stored together, as an object, in the column `unknown_fields_column`. A field that gets a column of its own later goes there from then on.",
			}).
				Description("What to do with fields for which the table has no column. Columns that PostgreSQL computes count as known; their fields are not written.").
				Default(unknownError),
			service.NewStringField(fieldUnknownColumn).
				Description("The `jsonb` column for unknown fields with `unknown_fields: collect`. It is NULL for rows that have none.").
				Default("extra").
				Advanced(),
			service.NewStringAnnotatedEnumField(fieldWriteMode, map[string]string{
				string(table.Append): "Every row is inserted. A row whose key exists is rejected.",
				string(table.Ignore): "A row whose key exists is skipped.",
				string(table.Upsert): "A row whose key exists replaces the values of the columns that it has. Of several in a batch, the last wins.",
			}).
				Description("What to do with a row whose key the table already has.").
				Default(string(table.Append)),
			service.NewStringListField(fieldPrimaryKeys).
				Description("The key columns for `ignore` and `upsert`. There must be a unique index or a primary key on exactly these columns, in any order. The default is the table's primary key.").
				ShortDescription("The key columns. Default: the table's primary key.").
				Example([]string{"event_id"}).
				Optional(),
			service.NewStringField(fieldSequenceBy).
				Description("For `upsert`: the column that orders the versions of a row, such as a version number or a modification time. A row replaces the stored one unless that is newer, so rows may arrive late and in any order, and several batches may be written at the same time. Of rows with equal values, the last one written wins; NULL is older than every value. Without it the last row to arrive wins, and batches are written one at a time, whatever `max_in_flight` is.").
				ShortDescription("For upsert: the column that orders the versions of a row.").
				Optional(),
			exactlyOnceField(),
		).
		Fields(connectionFields()...).
		Fields(
			service.NewIntField(fieldMaxInFlight).
				Description("The maximum number of batches to write at the same time, each on its own connection. More than the database has spare cores makes nothing faster. An `upsert` without `sequence_by` writes one at a time, so that the last state of a key is kept.").
				Default(4),
			service.NewBatchPolicyField(fieldBatching),
		).
		LintRule(lintRule))
}

func rejectsField() *service.ConfigField {
	return service.NewObjectField(fieldRejects,
		service.NewStringField(fieldRejectsTable).
			Description("The table, in the same database. It may have any of the columns of [the default row](#rejected-rows); `id` should be its primary key.").
			Examples("rejected_events"),
		service.NewBloblangField(fieldRejectsMapping).
			Description("A mapping of a rejected message to its row, instead of the default. `@reject_stage` is `parse`, `mapping` or `database`, and `@reject_reason` is the error. Example: `root = { \"why\": @reject_reason, \"message\": content().string() }`.").
			Optional(),
	).
		Description("Store rejected rows in a table: those that arrive with an error, for which `mapping` throws, that do not fit their columns, or that the server rejects. They are inserted in the transaction of the other rows, and summarised in the log. Without it, they are returned to the engine for a `fallback` output.").
		ShortDescription("Store rejected rows in a table.").
		Optional()
}

func exactlyOnceField() *service.ConfigField {
	return service.NewObjectField(fieldExactlyOnce,
		service.NewInterpolatedStringField(fieldChannel).
			// No Examples here and below: `connect create` would write the first one
			// out as the field's value, and so switch the ledger on.
			Description("The sequence of a message, such as a file's permanent identity, `${! @csv_channel }`, or a topic's partition, `${! @kafka_topic }/${! @kafka_partition }`. It must not be reused for other content."),
		service.NewInterpolatedStringField(fieldOffsetToken).
			Description("The message's number in its channel: an integer that stays the same when the message is sent again, such as `${! @csv_row }` or `${! @kafka_offset }`. The ledger is off if this and `channel` are empty."),
		service.NewInterpolatedStringField(fieldLowWatermark).
			Description("The number up to which the input has had every message of the channel acknowledged, in the units of `offset_token`. It keeps the ledger small if messages are filtered out: numbers below it count as done. If empty, it is the metadata `csv_low_watermark` if `offset_token` is `${! @csv_row }`, and `kafka_low_watermark` if it is `${! @kafka_offset }`. It may be missing from a message.").
			ShortDescription("Below it, every message of the channel was acknowledged.").
			Default(""),
		service.NewStringField(fieldScope).
			Description("For what the ledger's offsets are done. Empty means the table, so that two outputs with two tables store every message each. Outputs with the same scope share their offsets: messages that one of them has stored are skipped by the others.").
			ShortDescription("For what the ledger's offsets are done. Empty: the table.").
			Default(""),
		service.NewStringField(fieldLedgerTable).
			Description("The ledger: the table of the offsets that are done. It is created if it is missing.").
			Default("postgres_copy_ledger"),
	).
		Description("Store every message exactly once, whether or not the table has a key. A ledger records the channel and offset of each row in the row's transaction, and rows that it has are skipped. Needs PostgreSQL 14. See [exactly once](#exactly-once).").
		ShortDescription("Store every message exactly once, with a ledger in the same database.").
		Optional()
}

func connectionFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldInitFiles).
			Description("Files of SQL statements to run when connecting, in this order and before `init_statement`. Globs are allowed. They run in one transaction and under an advisory lock, so that instances that start together do not interfere; they must be idempotent. If one fails, the output does not start.").
			ShortDescription("Files of SQL statements to run when connecting.").
			Example([]any{"./sql/*.sql"}).
			Optional().
			Advanced(),
		service.NewStringField(fieldInitStatement).
			// No Example: `connect create` would write it out as the field's value.
			Description("SQL statements to run after those of `init_files`, in the same way, such as `CREATE TABLE IF NOT EXISTS events (id uuid PRIMARY KEY, payload jsonb)`.").
			ShortDescription("SQL statements to run when connecting, after init_files.").
			Optional().
			Advanced(),
		service.NewDurationField(fieldConnMaxIdleTime).
			Description("How long a connection may be idle before it is closed. `0s`: unlimited.").
			Default("5m").
			Advanced(),
		service.NewDurationField(fieldConnMaxLifeTime).
			Description("The maximum age of a connection, after which it is closed once it is not in use. `0s`: unlimited.").
			Default("1h").
			Advanced(),
		service.NewIntField(fieldConnMaxIdle).
			Description("The maximum number of idle connections. `0`: unlimited.").
			Default(0).
			Advanced(),
		service.NewIntField(fieldConnMaxOpen).
			Description("The maximum number of connections. `0`: `max_in_flight`.").
			Default(0).
			Advanced(),
		service.NewDurationField(fieldConnectTimeout).
			Description("How long to wait for a connection to a host, unless the DSN, the service file or `PGCONNECT_TIMEOUT` sets it. `0s`: unlimited.").
			Default("10s").
			Advanced(),
		service.NewDurationField(fieldStatementTimeout).
			Description("How long a statement may run before the server cancels it and the batch is sent again. `0s`: the server's own setting.").
			Default("0s").
			Advanced(),
		service.NewStringField(fieldApplicationName).
			Description("The name of the connections in `pg_stat_activity`, unless the DSN sets one.").
			Default("postgres_copy").
			Advanced(),
		service.NewStringMapField(fieldSession).
			Description("Settings for every transaction, such as `synchronous_commit: \"off\"`. They use `SET LOCAL`, which also works behind a pooler.").
			Example(map[string]any{"synchronous_commit": "off", "lock_timeout": "5s"}).
			Optional().
			Advanced(),
		service.NewBoolField(fieldDryRun).
			Description("Send every batch, and roll its transaction back in place of committing it. Rows are counted, and rejected, as if they had been stored, but nothing changes in the database: the init statements are not run, and the ledger of `exactly_once` is left alone. `connect check` does this.").
			ShortDescription("Roll every transaction back in place of committing it.").
			Default(false).
			Advanced(),
		service.NewTLSToggledField(fieldTLS).
			Description("TLS settings instead of those of the DSN (`sslmode`, `sslrootcert` …).").
			Advanced(),
	}
}
