// Package postgrescopy registers the postgres_copy output, which writes batches
// of messages into PostgreSQL by binary COPY.
//
// The way of a batch: the lifecycle (output.go) takes the messages' values and
// offsets (messages.go, token.go) into a job (job.go), which a writer brings
// into the database (writer.go). The rows are encoded (encode.go, rows.go) by the
// real column types, which were read from the catalogue (target.go, key.go,
// targets.go); sorted by key and grouped by the columns they have (plan.go,
// shape.go); and sent in one transaction (transaction.go, session.go, stream.go).
// An ignore or upsert hopes that no key is there yet (optimism.go), and asks for
// keys when some are (sift.go). What fails is judged in one place (classify.go);
// rows at fault are found and set aside while their neighbours land (isolate.go,
// judge_here.go). With exactly_once a ledger (ledger.go) holds what has landed,
// in the same transaction.
package postgrescopy
