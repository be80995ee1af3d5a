// Package boxes makes interface values without an allocation.
//
// An interface value points to the string or integer that it holds. The usual conversion of a cell allocates a copy for
// it, which at ten cells per row is most of the garbage of reading. The cells of a batch are already in memory that does
// not change, so these functions make interface values that point to it.
//
// They rely on the layout of interfaces in the gc compiler: a word for the type, a word for the address. The tests
// check it.
package boxes

import "unsafe"

type iface struct {
	typ  unsafe.Pointer
	data unsafe.Pointer
}

var (
	stringType = typeOf("")
	int64Type  = typeOf(int64(0))
)

func typeOf(v any) unsafe.Pointer { return (*iface)(unsafe.Pointer(&v)).typ }

// String returns any(*s) without a copy. *s must not change afterwards.
func String(s *string) (v any) {
	*(*iface)(unsafe.Pointer(&v)) = iface{stringType, unsafe.Pointer(s)}
	return v
}

// Int64 returns any(*n) without a copy. *n must not change afterwards.
func Int64(n *int64) (v any) {
	*(*iface)(unsafe.Pointer(&v)) = iface{int64Type, unsafe.Pointer(n)}
	return v
}
