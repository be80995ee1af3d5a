package postgrescopy

import (
	"errors"
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/ledger"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/load"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// newBatch takes the values out of the messages of a batch. Nothing of a message
// is copied or changed.
func (c *outputConfig) newBatch(batch service.MessageBatch) *load.Batch {
	b := load.NewBatch(len(batch))
	values := c.valuesOf(batch)
	for i, message := range batch {
		if c.rejects != nil {
			if err := message.GetError(); err != nil {
				b.Values[i] = copyrows.Values{Err: failedRejection(message, err)}
				continue
			}
		}
		if values != nil {
			b.Values[i] = values(i)
		}
	}
	if c.mapping != nil {
		b.Map = newRowMapper(batch, c.mapping).row
	}
	if c.rejects != nil {
		b.RejectRow = c.rejectRow(batch)
	}
	c.splitByTable(b, batch)
	c.takeOffsets(b, batch)
	return b
}

// valuesOf returns a function that takes the values out of a message, nil if the
// mapping makes them.
func (c *outputConfig) valuesOf(batch service.MessageBatch) func(i int) copyrows.Values {
	switch {
	case c.mapping != nil:
		return nil
	case c.args != nil:
		executor := batch.BloblangExecutor(c.args)
		return func(i int) copyrows.Values { return argsValues(executor, i) }
	}
	return func(i int) copyrows.Values { return structuredValues(batch[i]) }
}

func structuredValues(message *service.Message) copyrows.Values {
	value, err := message.AsStructured()
	if err != nil {
		return copyrows.Values{Err: pgerr.Rejection{Kind: "message", Message: fmt.Sprintf("the message is not an object of columns: %v", err)}}
	}
	fields, ok := value.(map[string]any)
	if !ok || fields == nil {
		return copyrows.Values{Err: pgerr.Rejection{Kind: "message", Message: fmt.Sprintf("the message is %s, and must be an object of columns: map it to one, or use `columns` and `args_mapping`", kindOf(value))}}
	}
	return copyrows.Values{Fields: fields}
}

func argsValues(executor *service.MessageBatchBloblangExecutor, i int) copyrows.Values {
	result, err := executor.Query(i)
	if err != nil {
		return copyrows.Values{Err: pgerr.Rejection{Kind: "mapping", Message: fmt.Sprintf("args_mapping: %v", err)}}
	}
	if result == nil {
		return copyrows.Values{Err: pgerr.Rejection{Kind: "mapping", Message: "args_mapping deleted the message: filter messages with a processor in front of the output"}}
	}
	value, err := result.AsStructured()
	if err != nil {
		return copyrows.Values{Err: pgerr.Rejection{Kind: "mapping", Message: "args_mapping gave a string, and must give an array of one value for each of `columns`"}}
	}
	args, ok := value.([]any)
	if !ok {
		return copyrows.Values{Err: pgerr.Rejection{Kind: "mapping", Message: fmt.Sprintf("args_mapping gave %s, and must give an array of one value for each of `columns`", kindOf(value))}}
	}
	return copyrows.Values{Args: args}
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
func (c *outputConfig) splitByTable(b *load.Batch, batch service.MessageBatch) {
	if name, static := c.table.Static(); static {
		b.Tables = []*load.TableRows{{Name: name}}
		return
	}
	byName := map[string]*load.TableRows{}
	tables := batch.InterpolationExecutor(c.table)
	for i := range batch {
		name, err := tables.TryString(i)
		if err == nil {
			_, err = sqltext.ParseTableName(name)
		}
		if err != nil {
			b.Rejected[i] = pgerr.Rejection{Kind: "table", Message: fmt.Sprintf("`table`: %v", err)}
			continue
		}
		t := byName[name]
		if t == nil {
			t = &load.TableRows{Name: name}
			byName[name] = t
			b.Tables = append(b.Tables, t)
		}
		t.Messages = append(t.Messages, i)
	}
}

// takeOffsets notes the channel and offset of each message.
func (c *outputConfig) takeOffsets(b *load.Batch, batch service.MessageBatch) {
	if c.ledger == nil {
		return
	}
	b.Offsets = ledger.NewOffsets(len(batch))
	tableOf := tablesOf(b, len(batch))
	channels, offsets := c.channel.reader(batch), c.offset.reader(batch)
	for i := range batch {
		channel, err1 := channels(i)
		offset, err2 := offsets(i)
		err := errors.Join(err1, err2)
		if err == nil {
			err = b.Offsets.Set(i, tableOf[i], channel, offset)
		} else {
			err = pgerr.Rejection{Kind: "ledger", Message: fmt.Sprintf("exactly_once: %v", err)}
		}
		if err != nil && b.Values[i].Err == nil {
			b.Values[i] = copyrows.Values{Err: err}
		}
	}
	b.Repeats = b.Offsets.Repeated()
	c.takeWatermarks(b, batch)
}

// tablesOf returns the places of the messages' tables in the batch, and the one
// behind the last for a message whose table is not known.
func tablesOf(b *load.Batch, messages int) []int {
	places := make([]int, messages)
	if len(b.Tables) == 1 && b.Tables[0].Messages == nil {
		return places // the table is the same for all
	}
	for i := range places {
		places[i] = len(b.Tables)
	}
	for place, t := range b.Tables {
		for _, i := range t.Messages {
			places[i] = place
		}
	}
	return places
}

// takeWatermarks notes the low watermark of each channel, which the last message
// carries: that of the others is as low at most.
func (c *outputConfig) takeWatermarks(b *load.Batch, batch service.MessageBatch) {
	if c.low == nil {
		return
	}
	watermarks := c.low.reader(batch)
	for _, i := range b.Offsets.LastOfChannels() {
		watermark, err := watermarks(i)
		if err == nil {
			err = b.Offsets.SetWatermark(i, watermark)
		} else {
			err = pgerr.Rejection{Kind: "ledger", Message: fmt.Sprintf("exactly_once: %v", err)}
		}
		if err != nil && b.Values[i].Err == nil {
			b.Values[i] = copyrows.Values{Err: err}
		}
	}
}
