package csvwatch

import "unsafe"

// An interface value that holds a string or an integer points to it. Converting a cell in the usual way allocates a copy
// for it to point to, which at ten cells a row is most of the garbage of reading. The cells of a batch already lie side
// by side in memory that nobody changes, so the interface values here point to them where they are.
//
// This relies on how the gc compiler lays out interfaces: a word for the type, a word for the address. boxes_test.go
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

// boxString is any(*s) without a copy. What s points to must never change again.
func boxString(s *string) (v any) {
	*(*iface)(unsafe.Pointer(&v)) = iface{stringType, unsafe.Pointer(s)}
	return v
}

// boxInt64 is any(*n) without a copy. What n points to must never change again.
func boxInt64(n *int64) (v any) {
	*(*iface)(unsafe.Pointer(&v)) = iface{int64Type, unsafe.Pointer(n)}
	return v
}
