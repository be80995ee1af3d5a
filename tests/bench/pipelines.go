//go:build linux

package main

import (
	"fmt"
	"strings"

	"github.com/ecommerce-ingest/connect/config"
)

const frame = `
http:
  address: %[1]s
input:
%[2]s
pipeline:
  threads: 1
  processors:
    - mutation: |
%[3]s
output:
%[4]s
metrics:
  prometheus: {}
logger:
  level: WARN
`

// pipeline is the YAML of a whole load, with the mapping and the settings of
// config/pipeline.yaml.
func pipeline(address, input, output string) string {
	mapping, err := config.Files.ReadFile("mappings/user_event.blobl")
	if err != nil {
		panic(err) // it is embedded
	}
	return fmt.Sprintf(frame, address, indent(input, 2), indent(string(mapping), 8), indent(output, 2))
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
// have any.
func stockInput(files, nullable []string) string {
	input := fmt.Sprintf(`csv:
  paths: [ %q ]
  parse_header_row: true
  batch_count: 5000`, glob(files))
	if len(nullable) == 0 {
		return input
	}
	input += "\nprocessors:\n  - mutation: |"
	for _, column := range nullable {
		input += fmt.Sprintf("\n      root.%[1]s = this.%[1]s.not_empty() | null", column)
	}
	return input
}

// rejecting sends what fails to a second table, as config/pipeline.yaml does.
func rejecting(main, dsn string) string {
	return fmt.Sprintf(`fallback:
  - reject_errored:
      label: events
%s
  - postgres_copy:
      dsn: %q
      table: rejected_events
      columns: [ stage, reason ]
      unknown_fields: ignore
    processors:
      - mapping: |
          root.stage = "mapping"
          root.reason = @fallback_error`, indent(main, 6), dsn)
}

func copyOutput(dsn, table, options string) string {
	return fmt.Sprintf(`postgres_copy:
  dsn: %q
  table: %s
  unknown_fields: ignore
  max_in_flight: 2
%s`, dsn, table, indent(options, 2))
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
