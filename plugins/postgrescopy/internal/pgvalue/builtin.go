package pgvalue

// Builtin returns the writer of a base type of pg_catalog, such as int8 or
// numeric, without a modifier and without asking a server.
func Builtin(name string) (*Column, bool) {
	enc := builtinEncoder(name, -1)
	if name == "numeric" {
		enc = newNumericEncoder(-1)
	}
	return &Column{Name: name, Type: name, enc: enc}, enc != nil
}
