package csvfiles

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
)

// errNotObject is the error for a message that is not a row.
var errNotObject = errors.New("the message is not an object of columns: map it to one, such as root = {\"id\": this.id}")

// table converts rows to records with the same columns.
type table struct {
	columns       []string
	ignoreUnknown bool
	cells         []string // reused by record
}

// allColumns returns the columns that occur in any row, sorted.
func allColumns(rows []map[string]any) []string {
	seen := map[string]struct{}{}
	var columns []string
	for _, row := range rows {
		for name := range row {
			if _, ok := seen[name]; !ok {
				seen[name] = struct{}{}
				columns = append(columns, name)
			}
		}
	}
	sort.Strings(columns)
	return columns
}

// record returns the cells of a row. They are valid until the next call.
func (t *table) record(row map[string]any) ([]string, error) {
	t.cells = t.cells[:0]
	known := 0
	for _, name := range t.columns {
		value, ok := row[name]
		if !ok {
			t.cells = append(t.cells, "")
			continue
		}
		known++
		cell, err := cellText(value)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		t.cells = append(t.cells, cell)
	}
	if known < len(row) && !t.ignoreUnknown {
		return nil, t.unknownError(row)
	}
	return t.cells, nil
}

func (t *table) unknownError(row map[string]any) error {
	known := make(map[string]bool, len(t.columns))
	for _, name := range t.columns {
		known[name] = true
	}
	var names []string
	for name := range row {
		if !known[name] {
			names = append(names, strconv.Quote(name))
		}
	}
	sort.Strings(names)
	return fmt.Errorf("the row has values that are not in columns: %s; add them to columns, delete them in a mapping, or set unknown_fields to ignore", strings.Join(names, ", "))
}

// cellText returns the text of a cell with this value.
func cellText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case nil:
		return "", nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int:
		return strconv.Itoa(v), nil
	case json.Number:
		return v.String(), nil
	case float64:
		return floatText(v, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	case []byte:
		return string(v), nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case int32:
		return strconv.FormatInt(int64(v), 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case uint32:
		return strconv.FormatUint(uint64(v), 10), nil
	case float32:
		return floatText(float64(v), 32), nil
	}
	return jsonText(value)
}

// floatText uses an exponent only where JSON does, for numbers of very many digits.
func floatText(f float64, bits int) string {
	if abs := max(f, -f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.FormatFloat(f, 'e', -1, bits)
	}
	return strconv.FormatFloat(f, 'f', -1, bits)
}

func jsonText(value any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return "", fmt.Errorf("writing a value of type %T: %w", value, err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
