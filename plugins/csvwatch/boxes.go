package csvwatch

import "unsafe"

// An interface value points to the string or integer that it holds. The usual conversion of a cell allocates a copy for
// it, which at ten cells per row is most of the garbage of reading. The cells of a batch are already in memory that does
// not change, so these functions make interface values that point to it.
//
// They rely on the layout of interfaces in the gc compiler: a word for the type, a word for the address. boxes_test.go
// checks it.
type iface struct {
	typ  unsafe.Pointer
	data unsafe.Pointer
}

var (
	stringType = typeOf("")
	int64Type  = typeOf(int64(0))
)

func typeOf(v any) unsafe.Pointer { return (*iface)(unsafe.Pointer(&v)).typ }

// boxString returns any(*s) without a copy. *s must not change afterwards.
func boxString(s *string) (v any) {
	*(*iface)(unsafe.Pointer(&v)) = iface{stringType, unsafe.Pointer(s)}
	return v
}

// boxInt64 returns any(*n) without a copy. *n must not change afterwards.
func boxInt64(n *int64) (v any) {
	*(*iface)(unsafe.Pointer(&v)) = iface{int64Type, unsafe.Pointer(n)}
	return v
}
