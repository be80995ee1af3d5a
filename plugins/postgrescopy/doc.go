// Package postgrescopy registers the postgres_copy output, which writes batches
// of messages into PostgreSQL by binary COPY.
//
// The way of a batch: the lifecycle (output.go) takes the messages' values; the
// rows are encoded by the real column types (rows.go) that were read from the
// catalogue (target.go), sorted by key and grouped by the columns they have
// (plan.go), and sent in one transaction (write.go, statements.go). What fails
// is judged in one place (classify.go); rows at fault are found and set aside
// while their neighbours land (isolate.go); and with exactly_once a ledger
// (ledger.go) holds what has landed, in the same transaction.
package postgrescopy
