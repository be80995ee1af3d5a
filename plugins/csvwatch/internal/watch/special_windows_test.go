package watch

import "testing"

func makeSpecial(tb testing.TB, kind, _ string) { tb.Skipf("there is no %s on Windows", kind) }
