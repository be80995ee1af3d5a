// Package postgrescopy registers the postgres_copy output, which writes batches
// of messages into PostgreSQL by binary COPY.
//
// This package is the only part that knows Benthos: the configuration (config.go,
// spec.go), the lifecycle (output.go), what is taken out of messages (messages.go,
// tokens.go), and the metrics. Beneath it, each package uses only those after it:
//
//	load       one batch from rows to COMMIT: strategy, transaction, isolation
//	copyrows   rows, their order, the COPY stream
//	ledger     which offsets are done
//	table      columns, keys, statements, cache, change detection
//	conn       pool, settings, init scripts, reconnecting
//	pgerr      classification and wording of errors
//	pgvalue    text to binary
//	sqltext    names and literals
package postgrescopy
