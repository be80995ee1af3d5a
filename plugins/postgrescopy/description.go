package postgrescopy

// description is the body of the output's documentation.
const description = `
Each message is an object whose fields are named like the table's columns. Values are converted to the columns' real types, which are read from the catalogue: numbers and dates in strings, objects for ` + "`jsonb`" + `, arrays, enums, ranges, and so on. Strings are read as PostgreSQL reads them, with times in UTC where they name no zone; numbers for a date or a time are Unix seconds. A field that a message does not have takes the column's default; a field that is ` + "`null`" + ` is NULL. A table that is altered while the pipeline runs is read again.

== What is promised

- **No loss.** A message is acknowledged when PostgreSQL has committed it.
- **One bad row costs one row.** A row that does not fit its column, or violates a constraint, is rejected with its own reason after the others of its batch have been committed, so that a ` + "`fallback`" + ` output receives that row and nothing else. Nothing else is ever taken for a bad row: lost connections, restarts, failovers, deadlocks, timeouts and full disks are waited out, and what a person has to put right is told once a minute and waited for.
- **No duplicates**, when asked for: by key with ` + "`write_mode`" + ` ` + "`ignore`" + ` or ` + "`upsert`" + `, and without a key with ` + "`exactly_once`" + `. With ` + "`append`" + ` alone, a batch whose COMMIT was under way when the connection broke may be stored twice, since it is sent again.

== How a batch is written

The rows are sorted by key and sent by one COPY, straight into the table. A batch is one transaction, and as a rule one round trip. Rows of one batch that have different sets of fields need a COPY for each set, in the same transaction.

` + "`ignore`" + ` and ` + "`upsert`" + ` do the same, in the hope that no key is there yet; without duplicates they cost what ` + "`append`" + ` costs. If a key is there, the batch is written otherwise, and so are the batches after it, twice as many each time that the hope fails. ` + "`ignore`" + ` then asks the table first which of the keys it has, and sends the other rows. ` + "`upsert`" + ` sends the rows to a temporary table, and from there by ` + "`INSERT … ON CONFLICT DO UPDATE`" + `. So do views, tables with row-level security, and types that have no binary form at hand, in every mode.

Batches that are written at the same time and have the same keys lock them in one order, and do not deadlock. Only batches whose rows have different sets of fields, or that write to several tables, can; PostgreSQL then ends one of them, which is sent again, and for a while the batches for that table take turns.

== Bad rows

Values that do not fit their column are found before anything is sent, and cost nothing more. Up to three rows that the server refuses are left out because it names their line. If there are more, or if no line is named, as for foreign keys, the server is given the batch once more, and judges the rows by inserting them in runs that grow and shrink. That takes fewer than three attempts a row, whatever the number of bad rows, and is committed as one transaction too. (Rows that lack a row that they refer to are tried again, those that others refer to first, as long as that helps.) Without PL/pgSQL, or without the right to make temporary tables, the runs are sent one by one.

An error whose code does not tell whether the row or the server is at fault is the row's if other rows of the batch can be stored at the same time, and is waited out if not.

== Exactly once

` + "`exactly_once`" + ` is for tables without a key. Each message names a channel and an integer in it: a file and the number of the row, a topic with its partition and the offset. The transaction that COPYs the rows also enters their numbers into a ledger table, so rows and ledger are committed together or not at all. Rows whose number is there already are left out and counted; when two instances write the same number at once, only one of them succeeds, and the other leaves the row out. A row that is rejected is not entered: the output that stores its rejection, with the same ` + "`exactly_once`" + ` block, enters it in the transaction of the rejection.

The ledger holds a row for each channel, with the ranges of the numbers that are done; those of a channel that has no gaps are one range. It is made when it is missing, needs PostgreSQL 14, and its entry is written right before the COMMIT, so that batches of one channel wait for one another's COMMIT only, not for one another's COPY. Channels that will never come again may be deleted from it: ` + "`DELETE FROM postgres_copy_ledger WHERE updated_at < now() - interval '90 days'`" + `.

== Memory

Beside its messages, a batch takes the size of its rows in binary form until it is committed: the bytes of the values (a number or a time is 2 to 8, a text what it is in UTF-8), 4 for each field, those of the key once more, and 200 for each row; and a quarter of that for room to grow. A batch that is tried again, taken apart or judged row by row is sent from where it lies; beyond that there are the keys once more while an ` + "`ignore`" + ` asks the table for them, and the reasons of rejected rows, of at most 1 kB each. Up to 16 MiB of it is kept for the next batch. At most ` + "`max_in_flight`" + ` batches are held, each with a connection of its own (about 0.2 MB). Bound them with ` + "`batching`" + `: 4 batches of 10,000 rows of 200 bytes take 20 MB.

== Privileges

` + "`INSERT`" + ` on the table; for ` + "`ignore`" + ` also ` + "`SELECT`" + ` on the key, for ` + "`upsert`" + ` also ` + "`SELECT`" + ` and ` + "`UPDATE`" + `. ` + "`TEMPORARY`" + ` on the database, which every role has unless it was taken away. For ` + "`exactly_once`" + ` also ` + "`SELECT`" + `, ` + "`INSERT`" + ` and ` + "`UPDATE`" + ` on the ledger. What is missing is told when connecting, with the statement to run.

== Servers and poolers

PostgreSQL 12 or later, tested with 13, 15 and 18. Works behind PgBouncer in transaction mode: nothing is prepared under a name, no session state is relied on, settings are made for each transaction, and temporary tables are made in the transaction that uses them.

== Metrics

` + "`postgres_copy_rows_written`" + `, ` + "`postgres_copy_rows_rejected`" + ` by ` + "`reason`" + `, ` + "`postgres_copy_rows_skipped`" + ` by ` + "`reason`" + ` (` + "`key`" + `, ` + "`ledger`" + `), ` + "`postgres_copy_bytes`" + `, ` + "`postgres_copy_batches`" + `, ` + "`postgres_copy_retries`" + ` (batches tried again, for whatever reason but a bad row), ` + "`postgres_copy_latency_ns`" + ` of a batch, and ` + "`postgres_copy_connections`" + ` by ` + "`state`" + `.
`
