//go:build linux

package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/ecommerce-ingest/connect/config"
)

const frame = `
http:
  address: %s
input:
%s
output:
%s
metrics:
  prometheus: {}
logger:
  level: WARN
`

// pipeline is the YAML of a whole load.
func pipeline(address, input, output string) string {
	return fmt.Sprintf(frame, address, indent(input, 2), indent(output, 2))
}

//go:embed stock.blobl
var stockMapping string

// mapping is that of config/pipeline.yaml.
func mapping() string {
	text, err := config.Files.ReadFile("mappings/user_event.blobl")
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}

func watchInput(files []string, state string) string {
	return fmt.Sprintf(`csv_watch:
  paths: [ %q ]
  checkpoint_dir: %q
  trim_space: true
  null_values: [ "" ]
  batch_count: 7000
  checkpoint_limit: 21000`, glob(files), state)
}

// stockInput makes null of empty cells as watchInput does, in the columns that
// have any, and maps the rows where the output does not.
func stockInput(files, nullable []string, mapped bool) string {
	input := fmt.Sprintf(`csv:
  paths: [ %q ]
  parse_header_row: true
  batch_count: 5000`, glob(files))
	text := ""
	for _, column := range nullable {
		text += fmt.Sprintf("root.%[1]s = this.%[1]s.not_empty() | null\n", column)
	}
	if mapped {
		text += stockMapping
	}
	if text == "" {
		return input
	}
	return input + "\nprocessors:\n  - mutation: |\n" + indent(text, 6)
}

// copyOutput maps and stores rows, and rejects those that fail, as
// config/pipeline.yaml does.
func copyOutput(dsn, table, mapping, options string) string {
	return fmt.Sprintf(`label: events
postgres_copy:
  dsn: %q
  table: %s
  mapping: |
%s
  unknown_fields: ignore
  rejects: { table: rejected_events }
  max_in_flight: 2
%s`, dsn, table, indent(mapping, 4), indent(options, 2))
}

func sqlInsert(dsn, table string, columns []string) string {
	return fmt.Sprintf(`sql_insert:
  driver: postgres
  dsn: %q
  table: %s
  columns: [ %s ]
  args_mapping: root = [ this.%s ]
  suffix: ON CONFLICT (event_id) DO NOTHING
  max_in_flight: 4`, dsn, table, strings.Join(columns, ", "), strings.Join(columns, ", this."))
}

func indent(text string, by int) string {
	pad := strings.Repeat(" ", by)
	return pad + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+pad)
}
