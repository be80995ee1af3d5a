package pgvalue

// enumEncoder writes an enum's label, which must be one of those that the
// catalogue knew.
type enumEncoder struct {
	refuseAll
	labels map[string]struct{}
}

func (e *enumEncoder) text(dst []byte, s string) ([]byte, error) {
	if _, ok := e.labels[s]; !ok {
		return dst, staleReason{reason("not one of the enum's labels")}
	}
	return append(dst, s...), nil
}
