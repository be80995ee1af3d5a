//go:build !linux && !windows

package csvfiles

// place moves temp to target. It returns errTaken if target exists.
func place(temp, target string) error {
	return placeLinked(temp, target)
}
