package postgrescopy

// description is the body of the output's documentation.
const description = `
Each message is an object whose fields are named like the table's columns. Values are converted to the columns' real types, which are read from the catalogue: numbers and dates in strings, objects for ` + "`jsonb`" + `, arrays, enums, ranges, and so on. A field that a message does not have takes the column's default; a field that is ` + "`null`" + ` is NULL.

== What is promised

- **No loss.** A message is acknowledged when PostgreSQL has committed it.
- **One bad row costs one row.** A row that does not fit its column, or violates a constraint, is rejected with its own reason after the others of its batch have been committed, so that a ` + "`fallback`" + ` output receives that row and nothing else. Nothing else is ever taken for a bad row: lost connections, restarts, deadlocks, timeouts and full disks are waited out.
- **No duplicates**, when asked for: by key with ` + "`write_mode`" + ` ` + "`ignore`" + ` or ` + "`upsert`" + `, and without a key with ` + "`exactly_once`" + `. With ` + "`append`" + ` alone, a batch whose COMMIT was under way when the connection broke may be stored twice, since it is sent again.

== How a batch is written

The rows are sorted by key and sent by one COPY, straight into the table. A batch is one transaction, and as a rule one round trip. Rows of one batch that have different sets of fields need a COPY for each set, in the same transaction.

` + "`ignore`" + ` and ` + "`upsert`" + ` do the same in the hope that no key is there yet. If one is, the batch goes through a temporary table and ` + "`INSERT … ON CONFLICT`" + `, and so do the batches after it: twice as many each time that the hope fails.

If rows are at fault, up to three are left out because the server names their line. If there are more, or if no line is named, as for foreign keys, the server is given the batch once more, and judges the rows by inserting them in runs that grow and shrink. That takes fewer than three attempts a row, whatever the number of bad rows, and is committed as one transaction too.

== Memory

A batch takes the size of its messages, and that of its rows in binary form (about as much as the values themselves), until it is committed. At most ` + "`max_in_flight`" + ` batches are held. Bound them with ` + "`batching`" + `.

== Exactly once

` + "`exactly_once`" + ` is for tables without a key. Each message names a channel and an integer in it: a file and the number of the row, a topic with its partition and the offset. The transaction that COPYs the rows also enters their numbers into a ledger table, so rows and ledger are committed together or not at all. Rows whose number is there already are left out and counted; when two instances write the same number at once, only one of them succeeds, and the other leaves the row out. A row that is rejected is not entered: the output that stores its rejection, with the same ` + "`exactly_once`" + ` block, enters it in the transaction of the rejection.

The ledger holds a row for each channel, with the ranges of the numbers that are done; those of a channel that has no gaps are one range. It is made when it is missing, needs PostgreSQL 14, and its entry is written right before the COMMIT, so that batches of one channel wait for one another's COMMIT only, not for one another's COPY. Channels that will never come again may be deleted from it.

== Poolers

Works behind PgBouncer in transaction mode: nothing is prepared under a name, no session state is relied on, temporary tables are made in the transaction that uses them.
`
