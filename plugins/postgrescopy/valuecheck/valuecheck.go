// Package valuecheck tells which texts postgres_copy stores in a column of a type,
// for programs that choose types before there is a table.
package valuecheck

import "github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgvalue"

// For returns a function that reports whether a text can stand in a column of a
// base type of PostgreSQL without a modifier. The type has its name in
// pg_catalog, such as int8 or timestamptz; For panics when it is not known.
func For(typeName string) func(text string) bool {
	check, ok := pgvalue.Builtin(typeName)
	if !ok {
		panic("valuecheck: no type " + typeName)
	}
	return func(text string) bool { return check(text) == nil }
}
