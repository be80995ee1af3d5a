//go:build !linux && !windows

package csvfiles

// place moves temp to target, which must not exist: errTaken says that it does.
func place(temp, target string) error {
	return placeLinked(temp, target)
}
