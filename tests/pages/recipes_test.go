//go:build unix

package pages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// recipes are records for the mappings of the cookbook, by a piece of the mapping, and what they become: "" for a row that
// is filtered, "!" or a piece of the reason for one that is rejected.
var recipes = map[string][]struct{ record, row string }{
	"this.customer":        {{`{"customer":"7","internal_note":"x","a":"b"}`, `{"a":"b","user_id":"7"}`}},
	"source_file":          {{`{}`, `{"source_file":"a.csv","source_row":3}`}},
	"ordered_at":           {{`{"ordered_at":"05.01.2026 08:30","paid_at":"2026-07-01 12:00"}`, `{"ordered_at":"2026-01-05T08:30:00Z","paid_at":"2026-07-01T10:00:00Z"}`}},
	`replace_all(".", "")`: {{`{"amount":"1.234,50"}`, `{"amount":"1234.50"}`}},
	"this.amount != null":  {{`{"amount":"0,5"}`, `{"amount":"0.5"}`}, {`{"amount":null}`, `{"amount":null}`}},
	"parse_json": {
		{`{"details":"{\"address\":{\"country\":\"PT\"}}"}`, `{"country":"PT","details":{"address":{"country":"PT"}}}`},
		{`{"details":"{"}`, "!"},
	},
	"hmac_sha256": {{`{"user_id":"7"}`, `{"user_id":"`}},
	"bot": {
		{`{"user_agent":"GoogleBot/2.1"}`, ""},
		{`{"user_agent":"Firefox"}`, `{"user_agent":"Firefox"}`},
	},
	"than anybody orders": {
		{`{"quantity":"2000"}`, "quantity 2000 is more than anybody orders"},
		{`{"quantity":"2"}`, `{"quantity":"2"}`},
	},
}

func TestEveryMappingOfTheCookbookDoesWhatItSays(t *testing.T) {
	t.Setenv("PSEUDONYM_KEY", "k")
	text, err := os.ReadFile(filepath.Join(root, "docs", "cookbook.md"))
	require.NoError(t, err)
	used := 0
	for _, b := range blocksOf(string(text)) {
		if b.language != "yaml" {
			continue
		}
		var config struct {
			Output struct {
				Mapping string `yaml:"mapping"`
			} `yaml:"postgres_copy"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(b.text), &config))
		if config.Output.Mapping == "" {
			continue
		}
		found := false
		for piece, cases := range recipes {
			if !strings.Contains(config.Output.Mapping, piece) {
				continue
			}
			found, used = true, used+1
			for _, c := range cases {
				got := mapped(t, config.Output.Mapping, c.record)
				if c.row == "" {
					assert.Empty(t, got, "line %d", b.line)
				}
				assert.Contains(t, got, c.row, "line %d", b.line)
			}
		}
		assert.True(t, found, "no record tries the mapping in line %d", b.line)
	}
	assert.Equal(t, len(recipes), used, "a record is for a mapping that is no longer there")
}

// mapped returns what a mapping makes of a record, as the output runs it.
func mapped(t *testing.T, mapping, record string) string {
	t.Helper()
	executor, err := bloblang.Parse(mapping)
	if !assert.NoError(t, err, mapping) {
		return ""
	}
	message := service.NewMessage([]byte(record))
	message.MetaSetMut("path", "data/a.csv")
	message.MetaSetMut("csv_row", 3)
	result, err := message.BloblangMutate(executor)
	if err != nil {
		return "!" + err.Error()
	}
	if result == nil {
		return ""
	}
	row, err := result.AsBytes()
	require.NoError(t, err)
	return string(row)
}
