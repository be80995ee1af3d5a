package postgrescopy

import (
	"reflect"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
)

// rowMapping is `mapping`, and what it may change of a row.
type rowMapping struct {
	executor *bloblang.Executor
	fields   []string // the top-level fields that it may assign
	// restorable is false if it may assign something else than fields or the whole row, such as metadata.
	restorable bool
}

func newRowMapping(executor *bloblang.Executor) *rowMapping {
	m := &rowMapping{executor: executor}
	m.fields, m.restorable = assignedFields(executor)
	return m
}

// targetOfValue is the engine's number for assignments to the row, and targetOfVariable for those to variables.
const (
	targetOfValue    = 1
	targetOfVariable = 2
)

// assignedFields returns the top-level fields that a mapping may assign, and false if it may assign more than those and the
// whole row. The engine knows, but has no public function for it. If it changes, nothing is known, and rows are copied.
func assignedFields(executor *bloblang.Executor) (fields []string, ok bool) {
	defer func() {
		if recover() != nil { // reflect panics if the engine has changed
			fields, ok = nil, false
		}
	}()
	mapping := reflect.ValueOf(executor.XUnwrapper()).MethodByName("Unwrap").Call(nil)[0]
	targets := mapping.MethodByName("AssignmentTargets").Call(nil)[0]
	for i := range targets.Len() {
		target := targets.Index(i)
		path := target.FieldByName("Path")
		switch target.FieldByName("Type").Int() {
		case targetOfVariable:
		case targetOfValue:
			if path.Len() > 0 && !slices.Contains(fields, path.Index(0).String()) {
				fields = append(fields, path.Index(0).String())
			}
		default:
			return nil, false
		}
	}
	return fields, true
}
