package postgrescopy

import (
	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

// rowMapper runs `mapping` on the messages of a batch, one at a time, when their rows are encoded. The messages stay as
// they are, since a batch may be written again: the mapping changes copies. One goroutine uses it at a time.
type rowMapper struct {
	messages service.MessageBatch
	copies   service.MessageBatch
	executor *service.MessageBatchBloblangExecutor

	// fields is the object that the mapping changes. It is used again for each row, which is encoded before the next one
	// is mapped.
	fields map[string]any
}

func newRowMapper(messages service.MessageBatch, mapping *bloblang.Executor) *rowMapper {
	copies := make(service.MessageBatch, len(messages))
	for i, m := range messages {
		copies[i] = m.Copy()
	}
	return &rowMapper{messages, copies, copies.BloblangExecutor(mapping), map[string]any{}}
}

// row maps a message. The result is valid until the next call.
func (m *rowMapper) row(i int) copyrows.Values {
	if err := m.messages[i].GetError(); err != nil {
		return copyrows.Values{Err: failedRejection(m.messages[i], err)}
	}
	// Content that is no document is left to the mapping, which may parse it.
	if document, err := m.messages[i].AsStructured(); err == nil {
		m.copies[i].SetStructuredMut(m.copyOf(document))
	}
	mapped, err := m.executor.Mutate(i)
	switch {
	case err != nil:
		return copyrows.Values{Err: pgerr.Rejection{Kind: stageMapping, Message: inMapping.ReplaceAllString(err.Error(), "")}}
	case mapped == nil:
		return copyrows.Values{Filtered: true}
	}
	return structuredValues(mapped)
}

// copyOf copies a document as deep as a mapping can change it.
func (m *rowMapper) copyOf(document any) any {
	columns, ok := document.(map[string]any)
	if !ok {
		return cloned(document)
	}
	clear(m.fields)
	for name, value := range columns {
		m.fields[name] = cloned(value)
	}
	return m.fields
}

// cloned copies objects and arrays; all other values are immutable.
func cloned(value any) any {
	switch v := value.(type) {
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, field := range v {
			object[name] = cloned(field)
		}
		return object
	case []any:
		array := make([]any, len(v))
		for i, element := range v {
			array[i] = cloned(element)
		}
		return array
	}
	return value
}
