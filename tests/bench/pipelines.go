//go:build linux

package main

import (
	"fmt"
	"strings"
)

// The work that config/pipeline.yaml does, on the reference data's columns.
const mapping = `
          root.event_id = this.event_id.trim()
          root.user_id = this.user_id.trim()
          let event_type = this.event_type.trim().lowercase()
          root.event_type = if $event_type != "" { $event_type } else { throw("event_type is empty") }
          root.product_id = this.product_id
          root.product_name = this.product_name
          root.price = if this.price == "" { null } else { this.price.float64() | throw("price %q is not a number".format(this.price)) }
          root.timestamp = this.timestamp.ts_tz("UTC") | throw("timestamp %q is not a time".format(this.timestamp))`

const frame = `
http:
  address: %[1]s
input:
%[2]s
pipeline:
  threads: 2
  processors:
    - try:
      - mapping: |%[3]s
output:
%[4]s
metrics:
  prometheus: {}
logger:
  level: WARN
`

// pipeline is the YAML of a whole load.
func pipeline(address, input, output string) string {
	return fmt.Sprintf(frame, address, indent(input, 2), mapping, indent(output, 2))
}

func watchInput(glob, state string) string {
	return fmt.Sprintf(`csv_watch:
  paths: [ %q ]
  checkpoint_dir: %q
  batch_count: 5000`, glob, state)
}

func stockInput(glob string) string {
	return fmt.Sprintf(`csv:
  paths: [ %q ]
  parse_header_row: true
  batch_count: 5000`, glob)
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
  max_in_flight: 4
%s`, dsn, table, indent(options, 2))
}

func sqlInsert(dsn, table string) string {
	return fmt.Sprintf(`sql_insert:
  driver: postgres
  dsn: %q
  table: %s
  columns: [ event_id, user_id, event_type, product_id, product_name, price, timestamp ]
  args_mapping: root = [ this.event_id, this.user_id, this.event_type, this.product_id, this.product_name, this.price, this.timestamp ]
  suffix: ON CONFLICT (event_id) DO NOTHING
  max_in_flight: 4`, dsn, table)
}

func indent(text string, by int) string {
	pad := strings.Repeat(" ", by)
	return pad + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+pad)
}
