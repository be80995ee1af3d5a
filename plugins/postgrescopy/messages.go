package postgrescopy

import (
	"errors"
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// newJob takes the values out of the messages of a batch. Nothing of a message
// is copied or changed.
func (c *outputConfig) newJob(batch service.MessageBatch) *job {
	j := newJob(len(batch))
	if c.args != nil {
		executor := batch.BloblangExecutor(c.args)
		for i := range batch {
			j.records[i] = mappedRecord(executor, i)
		}
	} else {
		for i, message := range batch {
			j.records[i] = structuredRecord(message)
		}
	}
	c.splitByTable(j, batch)
	c.takeOffsets(j, batch)
	return j
}

func structuredRecord(message *service.Message) record {
	value, err := message.AsStructured()
	if err != nil {
		return record{err: rejection{"message", fmt.Sprintf("the message is not an object of columns: %v", err)}}
	}
	fields, ok := value.(map[string]any)
	if !ok || fields == nil {
		return record{err: rejection{"message", fmt.Sprintf("the message is %s, and must be an object of columns: map it to one, or use `columns` and `args_mapping`", kindOf(value))}}
	}
	return record{fields: fields}
}

func mappedRecord(executor *service.MessageBatchBloblangExecutor, i int) record {
	result, err := executor.Query(i)
	if err != nil {
		return record{err: rejection{"mapping", fmt.Sprintf("args_mapping: %v", err)}}
	}
	if result == nil {
		return record{err: rejection{"mapping", "args_mapping deleted the message: filter messages with a processor in front of the output"}}
	}
	value, err := result.AsStructured()
	if err != nil {
		return record{err: rejection{"mapping", "args_mapping gave a string, and must give an array of one value for each of `columns`"}}
	}
	args, ok := value.([]any)
	if !ok {
		return record{err: rejection{"mapping", fmt.Sprintf("args_mapping gave %s, and must give an array of one value for each of `columns`", kindOf(value))}}
	}
	return record{args: args}
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string, []byte:
		return "a string"
	case bool:
		return "a boolean"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "a number"
}

// splitByTable sorts the messages by the tables that they are for, in the order
// in which the tables come up, since rows of one may refer to rows of another.
func (c *outputConfig) splitByTable(j *job, batch service.MessageBatch) {
	if name, static := c.table.Static(); static {
		j.parts = []*part{{name: name}}
		return
	}
	byName := map[string]*part{}
	tables := batch.InterpolationExecutor(c.table)
	for i := range batch {
		name, err := tables.TryString(i)
		if err == nil {
			_, err = parseTableName(name)
		}
		if err != nil {
			j.rejected[i] = rejection{"table", fmt.Sprintf("`table`: %v", err)}
			continue
		}
		p := byName[name]
		if p == nil {
			p = &part{name: name}
			byName[name] = p
			j.parts = append(j.parts, p)
		}
		p.messages = append(p.messages, i)
	}
}

// takeOffsets notes the channel and offset of each message.
func (c *outputConfig) takeOffsets(j *job, batch service.MessageBatch) {
	if c.ledger == nil {
		return
	}
	j.marks = newMarks(len(batch))
	channels, offsets := c.channel.reader(batch), c.offset.reader(batch)
	for i := range batch {
		channel, err1 := channels(i)
		offset, err2 := offsets(i)
		err := errors.Join(err1, err2)
		if err == nil {
			err = j.marks.set(i, channel, offset)
		} else {
			err = rejection{"ledger", fmt.Sprintf("exactly_once: %v", err)}
		}
		if err != nil && j.records[i].err == nil {
			j.records[i] = record{err: err}
		}
	}
	j.repeats = j.marks.repeated()
}
