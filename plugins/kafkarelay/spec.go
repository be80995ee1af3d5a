package kafkarelay

import (
	_ "embed"

	"github.com/redpanda-data/benthos/v4/public/service"
)

var (
	//go:embed description_input.md
	inputDescription string
	//go:embed description_output.md
	outputDescription string
)

func inputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.2.0").
		Categories("Services").
		Summary("Reads topics of Apache Kafka in a consumer group, and hands on rows that the output `kafka_relay` wrote as `csv_watch` does.").
		Description(inputDescription).
		Fields(connectionFields()...).
		Fields(
			service.NewStringListField(fieldTopics).
				Description("The topics to read. An item may hold several, separated by commas.").
				Examples([]string{"user_events"}),
			service.NewStringField(fieldConsumerGroup).
				Description("The consumer group that shares the partitions and remembers which offsets are done. Pipelines that fill different tables need groups of their own."),
			service.NewStringAnnotatedEnumField(fieldStartOffset, map[string]string{
				startEarliest:  "At the first record there is.",
				startLatest:    "Behind the last record there is.",
				startCommitted: "Nowhere: the partition is an error in the log.",
			}).
				Description("Where to begin in a partition of which the group has committed no offset.").
				Default(startEarliest).
				Advanced(),
			service.NewStringAnnotatedEnumField(fieldIsolationLevel, map[string]string{
				readCommitted:   "Records of transactions come once these are committed.",
				readUncommitted: "All records come at once, those of aborted transactions included.",
			}).
				Description("Which records of transactional producers are read.").
				Default(readCommitted).
				Advanced(),
			service.NewIntField(fieldBatchCount).
				Description("How many records a batch has at most. Those that are there go at once.").
				Default(7000),
			service.NewIntField(fieldCheckpointLimit).
				Description("How many records may be read and not acknowledged, over all partitions.").
				Default(21000),
			service.NewDurationField(fieldCommitPeriod).
				Description("How often offsets are committed. After a crash the records since the last time are read again.").
				Default("1s").
				Advanced(),
			service.NewStringField(fieldFetchMaxBytes).
				Description("How many bytes a broker sends in one answer at most.").
				Default("16MiB").
				Advanced(),
			service.NewDurationField(fieldSessionTimeout).
				Description("After how long without a sign of life the brokers give the partitions of a consumer to others.").
				Default("30s").
				Advanced(),
			service.NewDurationField(fieldRebalanceTimeout).
				Description("How long consumers may take to give up partitions when these are shared out anew.").
				Default("45s").
				Advanced(),
			service.NewDurationField(fieldHeartbeat).
				Description("How often a sign of life is sent.").
				Default("3s").
				Advanced(),
			service.NewAutoRetryNacksToggleField(),
		).
		LintRule(inputLintRule).
		Example("Sinks behind a topic", "Stores each row of a topic that `csv_watch` and the output `kafka_relay` fill once, in any number of processes.", `
input:
  kafka_relay:
    seed_brokers: [ localhost:9092 ]
    topics: [ user_events ]
    consumer_group: event_log

output:
  postgres_copy:
    dsn: postgres://localhost:5432/shop
    table: event_log
    exactly_once:
      channel: ${! @csv_channel }
      offset_token: ${! @csv_row }
`).
		Example("A topic of another program", "Stores JSON events once, with TLS and SCRAM, by the place that they have in the topic.", `
input:
  kafka_relay:
    seed_brokers: [ "kafka-1:9093,kafka-2:9093" ]
    tls:
      enabled: true
    sasl:
      - mechanism: SCRAM-SHA-512
        username: sink
        password: ${KAFKA_PASSWORD}
    topics: [ orders ]
    consumer_group: orders_to_postgres

output:
  postgres_copy:
    dsn: postgres://localhost:5432/shop
    table: orders
    exactly_once:
      channel: ${! @kafka_topic_id }/${! @kafka_partition }/${! @kafka_leader_epoch }
      offset_token: ${! @kafka_offset }
`)
}

func outputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.2.0").
		Categories("Services").
		Summary("Writes messages to a topic of Apache Kafka, rows of `csv_watch` with their identity, so that the input `kafka_relay` can hand them on as they were.").
		Description(outputDescription).
		Fields(connectionFields()...).
		Fields(
			service.NewStringField(fieldTopic).
				Description("The topic to write to. It must exist: its number of partitions is how many sinks can share the work."),
			service.NewInterpolatedStringField(fieldKey).
				Description("The key of each record. Records of the same key go to the same partition. When it is not set the key is `csv_channel`, or none for messages that have no such metadata.").
				Examples(`${! @csv_channel }`, `${! this.user_id }`).
				Optional(),
			service.NewStringEnumField(fieldCompression, "lz4", "snappy", "gzip", "zstd", "none").
				Description("How batches of records are compressed. `snappy` takes the least CPU of this process, `zstd` the least space.").
				Default("snappy").
				Advanced(),
			service.NewStringField(fieldMaxMessageBytes).
				Description("How many bytes a batch of records, and so any single one, may take before it is compressed. It must not be more than `max.message.bytes` of the topic.").
				Default("1MB").
				Advanced(),
			service.NewOutputMaxInFlightField().
				Description("How many batches are written at the same time. Above 1, rows of a file may change places.").
				Default(1),
			service.NewBatchPolicyField(fieldBatching),
		).
		LintRule(outputLintRule).
		Example("The edge of several machines", "Hands each row of a folder on to the sinks, as it came.", `
input:
  csv_watch:
    paths: [ ./data/events/*.csv ]

output:
  kafka_relay:
    seed_brokers: [ localhost:9092 ]
    topic: user_events
`)
}

// inputLintRule uses methods of the Bloblang core only: it is parsed when this
// package is initialised, which may be before the others are known.
const inputLintRule = `let topics = this.topics.or([])
root = [
  if !this.seed_brokers.or([]).any(b -> b != "") { "` + complaintNoBrokers + `" },
  if !$topics.any(t -> t != "") { "` + complaintNoTopics + `" },
  if $topics.any(t -> t.contains(":")) { "` + complaintTopicOffset + `" },
  if this.consumer_group.or("") == "" { "` + complaintNoGroup + `" },
  if this.batch_count.or(7000) < 1 || this.batch_count.or(7000) > this.checkpoint_limit.or(21000) { "` + complaintBatchCount + `" }
]`

const outputLintRule = `root = [
  if !this.seed_brokers.or([]).any(b -> b != "") { "` + complaintNoBrokers + `" },
  if this.topic.or("") == "" { "` + complaintNoTopic + `" }
]`
