// Package kafkarelay provides the output and the input `kafka_relay`, which
// carry rows through Apache Kafka between csv_watch and the pipeline that
// stores them: what stands behind the input sees each row as if it stood behind
// csv_watch. Both also serve topics of other programs.
//
// Importing the package registers both. It exports nothing else.
package kafkarelay
