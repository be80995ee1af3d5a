package postgrescopy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/bloblang"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
)

func TestTheEngineNamesTheFieldsAssigned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mapping    string
		fields     []string
		restorable bool
	}{
		"fields":           {"root.a = 1\nroot.b.c = 2\nroot.a = 3", []string{"a", "b"}, true},
		"a deleted field":  {"root.a = deleted()", []string{"a"}, true},
		"the whole row":    {"root = this.without(\"a\")", nil, true},
		"under conditions": {"if this.x { root.a = 1 } else { root.b = 2 }", []string{"a", "b"}, true},
		"variables":        {"let v = 1\nroot.a = $v", []string{"a"}, true},
		"in a map":         {"map m { root.inner = this }\nroot.a = this.b.apply(\"m\")", []string{"a"}, true},
		"metadata":         {"root.a = 1\nmeta kind = \"x\"", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			executor, err := bloblang.Parse(c.mapping)
			require.NoError(t, err)
			fields, restorable := assignedFields(executor)
			assert.Equal(t, c.restorable, restorable)
			assert.Equal(t, c.fields, fields)
		})
	}
}

func TestAMappedMessageIsAsBefore(t *testing.T) {
	t.Parallel()
	for name, mapping := range map[string]string{
		"fields":        "root.a = this.a.uppercase()\nroot.new = 1\nroot.gone = deleted()\nroot.doc.list.0 = 9",
		"the whole row": "root.a = 5\nroot = {\"a\": this.a}\nroot.b = 1",
		"a text":        `root = "text"`,
		"its content":   "root.a = 5\nroot.b = content().string()",
		"metadata":      "root.a = 5\nmeta path = \"other\"",
		"a failure":     "root.a = 5\nroot.gone = deleted()\nroot.b = throw(\"no\")",
		"a filter":      "root.a = 5\nroot = deleted()",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			executor, err := bloblang.Parse(mapping)
			require.NoError(t, err)
			row := func() fields {
				return fields{"a": "x", "gone": nil, "doc": fields{"list": []any{1, 2}}}
			}
			batch := batchOf(row(), row())
			for _, m := range batch {
				m.MetaSetMut("path", "a.csv")
			}
			shared := batch[1].Copy()
			mapper := newRowMapper(batch, newRowMapping(executor))
			var first copyrows.Values
			for n := range 2 {
				for i := range batch {
					mapper.row(i, func(v copyrows.Values) {
						kept := copyrows.Values{Err: v.Err, Filtered: v.Filtered}
						if fields, ok := cloned(v.Fields).(map[string]any); ok {
							kept.Fields = fields
						}
						if n == 0 && i == 0 {
							first = kept
						}
						assert.Equal(t, first, kept, "mapped again")
					})
				}
			}
			for _, m := range append(batch, shared) {
				document, err := m.AsStructured()
				require.NoError(t, err)
				assert.Equal(t, row(), document)
				text, err := m.AsBytes()
				require.NoError(t, err)
				assert.JSONEq(t, `{"a":"x","gone":null,"doc":{"list":[1,2]}}`, string(text))
				path, _ := m.MetaGet("path")
				assert.Equal(t, "a.csv", path)
			}
		})
	}
}

func TestMappingKeepsTheBytesOfAMessage(t *testing.T) {
	t.Parallel()
	executor, err := bloblang.Parse("root.a = this.a.uppercase()")
	require.NoError(t, err)
	batch := batchOf(fields{})
	const text = `{ "b": 1.50,  "a": "x" }`
	batch[0].SetBytes([]byte(text))
	newRowMapper(batch, newRowMapping(executor)).row(0, func(v copyrows.Values) {
		assert.Equal(t, "X", v.Fields["a"])
	})
	content, err := batch[0].AsBytes()
	require.NoError(t, err)
	assert.Equal(t, text, string(content))
}
