package postgrescopy

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

// rowMapper runs `mapping` on the messages of a batch, one at a time, when their rows are encoded. The messages are as before
// afterwards, since a batch may be written again. One goroutine uses it at a time.
type rowMapper struct {
	messages service.MessageBatch
	executor *service.MessageBatchBloblangExecutor

	// targets are what the mapping changes: a message itself, whose fields are restored, or a copy of it.
	targets service.MessageBatch
	fields  []string // that the mapping may assign
	saved   []any    // their values in the row being mapped; missing for none
}

// missing stands for the value of a field that a row does not have.
type missing struct{}

func newRowMapper(messages service.MessageBatch, mapping *rowMapping) *rowMapper {
	targets := make(service.MessageBatch, len(messages))
	for i, m := range messages {
		if targets[i] = m; !mapping.restorable || !isObject(m) {
			targets[i] = m.Copy()
		}
	}
	return &rowMapper{
		messages: messages, executor: targets.BloblangExecutor(mapping.executor),
		targets: targets, fields: mapping.fields, saved: make([]any, len(mapping.fields)),
	}
}

// isObject reports whether the content of a message is an object and nothing else. Bytes that it came as are kept for its rejection.
func isObject(m *service.Message) bool {
	if m.HasBytes() || m.GetError() != nil {
		return false
	}
	document, err := m.AsStructured()
	_, object := document.(map[string]any)
	return err == nil && object
}

// row maps a message and calls use with the result, which is valid until it returns.
func (m *rowMapper) row(i int, use func(copyrows.Values)) {
	if err := m.messages[i].GetError(); err != nil {
		use(copyrows.Values{Err: failedRejection(m.messages[i], err)})
		return
	}
	target := m.targets[i]
	if target == m.messages[i] {
		document, err := target.AsStructuredMut()
		columns, object := document.(map[string]any)
		if err != nil || !object {
			use(structuredValues(target))
			return
		}
		m.save(columns)
		defer m.restore(target, columns)
	} else if document, err := m.messages[i].AsStructured(); err == nil {
		target.SetStructured(document) // read-only, so the mapping changes a copy
	}
	mapped, err := m.executor.Mutate(i)
	switch {
	case err != nil:
		use(copyrows.Values{Err: pgerr.Rejection{Kind: stageMapping, Message: inMapping.ReplaceAllString(err.Error(), "")}})
	case mapped == nil:
		use(copyrows.Values{Filtered: true})
	default:
		use(structuredValues(mapped))
	}
}

// save notes the fields that the mapping may assign. It puts copies in the place of those that can be changed inside.
func (m *rowMapper) save(columns map[string]any) {
	for n, name := range m.fields {
		value, found := columns[name]
		if !found {
			m.saved[n] = missing{}
			continue
		}
		m.saved[n] = value
		switch value.(type) {
		case map[string]any, []any:
			columns[name] = cloned(value)
		}
	}
}

// restore undoes the mapping of a message.
func (m *rowMapper) restore(message *service.Message, columns map[string]any) {
	for n, name := range m.fields {
		if _, none := m.saved[n].(missing); none {
			delete(columns, name)
		} else {
			columns[name] = m.saved[n]
		}
	}
	message.SetStructuredMut(columns) // also if the mapping has replaced them as a whole
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
