package kafkarelay

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const name = "kafka_relay"

// Fields of the output.
const (
	fieldTopic           = "topic"
	fieldKey             = "key"
	fieldCompression     = "compression"
	fieldMaxMessageBytes = "max_message_bytes"
	fieldBatching        = "batching"
)

// Fields of the input.
const (
	fieldTopics           = "topics"
	fieldConsumerGroup    = "consumer_group"
	fieldStartOffset      = "start_offset"
	fieldIsolationLevel   = "transaction_isolation_level"
	fieldSessionTimeout   = "session_timeout"
	fieldRebalanceTimeout = "rebalance_timeout"
	fieldHeartbeat        = "heartbeat_interval"
	fieldFetchMaxBytes    = "fetch_max_bytes"
	fieldCommitPeriod     = "commit_period"
	fieldBatchCount       = "batch_count"
	fieldCheckpointLimit  = "checkpoint_limit"
)

// The values of start_offset and transaction_isolation_level.
const (
	startEarliest   = "earliest"
	startLatest     = "latest"
	startCommitted  = "committed"
	readCommitted   = "read_committed"
	readUncommitted = "read_uncommitted"
)

// Messages of the lint rules and of the same checks in Go.
const (
	complaintNoTopics    = "topics must name at least one topic"
	complaintTopicOffset = "topics must be plain names: partitions are assigned by the consumer group, so leave out what follows the colon"
	complaintNoGroup     = "consumer_group must be set: it is what remembers which offsets are done"
	complaintHeartbeat   = "heartbeat_interval must be at most a third of session_timeout"
	complaintBatchCount  = "batch_count must be at least 1 and at most checkpoint_limit"
	complaintNoTopic     = "topic must name the topic to write to"
)

func init() {
	service.MustRegisterBatchInput(name, inputSpec(),
		func(parsed *service.ParsedConfig, mgr *service.Resources) (service.BatchInput, error) {
			conf, err := inputConfigFromParsed(parsed)
			if err != nil {
				return nil, err
			}
			return newInput(conf, mgr), nil
		})
	service.MustRegisterBatchOutput(name, outputSpec(),
		func(parsed *service.ParsedConfig, mgr *service.Resources) (out service.BatchOutput, batching service.BatchPolicy, maxInFlight int, err error) {
			conf, err := outputConfigFromParsed(parsed)
			if err != nil {
				return nil, batching, 0, err
			}
			if maxInFlight, err = parsed.FieldMaxInFlight(); err != nil {
				return nil, batching, 0, err
			}
			if batching, err = parsed.FieldBatchPolicy(fieldBatching); err != nil {
				return nil, batching, 0, err
			}
			return newOutput(conf, mgr), batching, maxInFlight, nil
		})
}

// inputConfig is the parsed configuration of the input.
type inputConfig struct {
	connection
	topics                                      []string
	group                                       string
	startOffset, isolation                      string
	replay                                      bool // rejected records are delivered again
	sessionTimeout, rebalanceTimeout, heartbeat time.Duration
	commitPeriod                                time.Duration
	fetchMaxBytes                               int32
	batchCount, checkpointLimit                 int
}

// outputConfig is the parsed configuration of the output.
type outputConfig struct {
	connection
	topic           string
	key             *service.InterpolatedString // nil: csv_channel, if there is one
	compression     string
	maxMessageBytes int32
}

func inputConfigFromParsed(p *service.ParsedConfig) (c inputConfig, err error) {
	if c.connection, err = connectionFromParsed(p); err != nil {
		return c, err
	}
	topics, err := p.FieldStringList(fieldTopics)
	if err != nil {
		return c, err
	}
	for _, entry := range topics {
		for topic := range strings.SplitSeq(entry, ",") {
			c.topics = append(c.topics, strings.TrimSpace(topic))
		}
	}
	for field, to := range map[string]*string{fieldConsumerGroup: &c.group, fieldStartOffset: &c.startOffset, fieldIsolationLevel: &c.isolation} {
		if *to, err = p.FieldString(field); err != nil {
			return c, err
		}
	}
	for field, to := range map[string]*time.Duration{
		fieldSessionTimeout: &c.sessionTimeout, fieldRebalanceTimeout: &c.rebalanceTimeout,
		fieldHeartbeat: &c.heartbeat, fieldCommitPeriod: &c.commitPeriod,
	} {
		if *to, err = p.FieldDuration(field); err != nil {
			return c, err
		}
		if *to <= 0 {
			return c, fmt.Errorf("%s must be more than 0s", field)
		}
	}
	if c.batchCount, err = p.FieldInt(fieldBatchCount); err != nil {
		return c, err
	}
	if c.replay, err = p.FieldBool(service.AutoRetryNacksToggleFieldName); err != nil {
		return c, err
	}
	if c.checkpointLimit, err = p.FieldInt(fieldCheckpointLimit); err != nil {
		return c, err
	}
	if c.fetchMaxBytes, err = sizeFromParsed(p, fieldFetchMaxBytes); err != nil {
		return c, err
	}
	return c, c.check()
}

// check repeats the lint rules, because configurations may bypass the linter.
func (c *inputConfig) check() error {
	switch {
	case len(c.topics) == 0 || c.topics[0] == "":
		return errors.New(complaintNoTopics)
	case strings.Contains(strings.Join(c.topics, ""), ":"):
		return errors.New(complaintTopicOffset)
	case c.group == "":
		return errors.New(complaintNoGroup)
	case 3*c.heartbeat > c.sessionTimeout:
		return errors.New(complaintHeartbeat)
	case c.batchCount < 1 || c.batchCount > c.checkpointLimit:
		return errors.New(complaintBatchCount)
	}
	return nil
}

func outputConfigFromParsed(p *service.ParsedConfig) (c outputConfig, err error) {
	if c.connection, err = connectionFromParsed(p); err != nil {
		return c, err
	}
	if c.topic, err = p.FieldString(fieldTopic); err != nil {
		return c, err
	}
	if c.topic == "" {
		return c, errors.New(complaintNoTopic)
	}
	if p.Contains(fieldKey) {
		if c.key, err = p.FieldInterpolatedString(fieldKey); err != nil {
			return c, err
		}
	}
	if c.compression, err = p.FieldString(fieldCompression); err != nil {
		return c, err
	}
	c.maxMessageBytes, err = sizeFromParsed(p, fieldMaxMessageBytes)
	return c, err
}

// sizeFromParsed reads a number of bytes such as 1MiB.
func sizeFromParsed(p *service.ParsedConfig, field string) (int32, error) {
	text, err := p.FieldString(field)
	if err != nil {
		return 0, err
	}
	const least, most = 4 << 10, 1 << 30
	size, err := humanize.ParseBytes(text)
	if err != nil || size < least || size > most {
		return 0, fmt.Errorf("%s must be a size from 4KiB to 1GiB, such as 1MiB, and not %q", field, text)
	}
	return int32(size), nil
}
