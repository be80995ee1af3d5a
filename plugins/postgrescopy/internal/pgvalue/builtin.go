package pgvalue

// Builtin returns a function that returns why a text cannot stand in a column of
// a base type of pg_catalog, such as int8 or numeric, without a modifier. It asks
// no server, and so refuses spellings that only the server reads.
func Builtin(name string) (check func(text string) error, ok bool) {
	enc := builtinEncoder(name, -1)
	if name == "numeric" {
		enc = newNumericEncoder(-1)
	}
	if enc == nil {
		return nil, false
	}
	var buf []byte
	return func(text string) (err error) {
		buf, err = enc.text(buf[:0], text)
		return err
	}, true
}
