package postgrescopy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// What is wrong with a configuration, in words that say what to write instead.
// Each is both a lint rule and a check in Go.
const (
	errKeysWithoutMode     = "`primary_keys` has no meaning with `write_mode: append`: set `write_mode` to `ignore` or `upsert`, or remove `primary_keys`"
	errMappingWithArgs     = "`mapping` and `args_mapping` both make the row: remove one of them"
	errSequenceNoUpsert    = "`sequence_by` has no meaning without `write_mode: upsert`: set it, or remove `sequence_by`"
	errArgsWithoutColumns  = "`args_mapping` gives values by position: list the columns that they are for in `columns`"
	errUnknownWithArgs     = "`unknown_fields` has no meaning with `args_mapping`, which names no fields: remove one of them"
	errKeyNotInColumns     = "`primary_keys` names %s, which `columns` does not list: add it to `columns`, or remove `columns` to write every column"
	errMaxInFlight         = "`max_in_flight` must be at least 1"
	errLedgerOffsetNoField = "`exactly_once.offset_token` is the same for every message: write an interpolation that yields the message's number, as in `${! @csv_row }`"
)

// check has the rules across fields, which are lint rules too.
func (c *outputConfig) check(conf *service.ParsedConfig) error {
	switch {
	case c.maxInFlight < 1:
		return errors.New(errMaxInFlight)
	case c.tableOptions.Mode == table.Append && c.tableOptions.Keys != nil:
		return errors.New(errKeysWithoutMode)
	case c.tableOptions.Mode != table.Upsert && c.tableOptions.SequenceBy != "":
		return errors.New(errSequenceNoUpsert)
	case c.mapping != nil && c.args != nil:
		return errors.New(errMappingWithArgs)
	case c.args != nil && c.tableOptions.Columns == nil:
		return errors.New(errArgsWithoutColumns)
	case c.args != nil && (c.tableOptions.IgnoreUnknown || c.tableOptions.CollectUnknown != ""):
		return errors.New(errUnknownWithArgs)
	}
	if c.offset != nil {
		if _, static := c.offset.field.Static(); static {
			return errors.New(errLedgerOffsetNoField)
		}
	}
	if c.tableOptions.Columns == nil {
		return nil
	}
	for _, key := range c.tableOptions.Keys {
		if !slices.Contains(c.tableOptions.Columns, key) {
			return fmt.Errorf(errKeyNotInColumns, key)
		}
	}
	return nil
}

// lintRule has the rules of check for those who only lint.
var lintRule = `root = [
  if this.write_mode.or("append") == "append" && this.primary_keys.or([]).length() > 0 { ` + bloblString(errKeysWithoutMode) + ` },
  if this.write_mode.or("append") != "upsert" && this.sequence_by.or("") != "" { ` + bloblString(errSequenceNoUpsert) + ` },
  if this.mapping.or("") != "" && this.args_mapping.or("") != "" { ` + bloblString(errMappingWithArgs) + ` },
  if this.args_mapping.or("") != "" && this.columns.or([]).length() == 0 { ` + bloblString(errArgsWithoutColumns) + ` },
  if this.args_mapping.or("") != "" && this.unknown_fields.or("error") != "error" { ` + bloblString(errUnknownWithArgs) + ` },
  if this.max_in_flight.or(1).number().catch(1) < 1 { ` + bloblString(errMaxInFlight) + ` },
  if this.exactly_once.channel.or("") + this.exactly_once.offset_token.or("") != "" && !this.exactly_once.offset_token.or("").string().contains("${!") { ` + bloblString(errLedgerOffsetNoField) + ` },
].merge(
  if this.columns.or([]).length() > 0 {
    this.primary_keys.or([]).filter(k -> !this.columns.contains(k)).map_each(k -> ` + bloblString(errKeyNotInColumns) + `.format(k))
  } else { [] }
)`

func bloblString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
