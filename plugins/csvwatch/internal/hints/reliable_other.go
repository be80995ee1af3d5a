//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package hints

// holdsFilesOpen reports that watching a directory costs an open file for each file in it.
const holdsFilesOpen = false

// reliable reports whether all changes in dir can be expected to be reported.
func reliable(string) bool { return true }

// advice returns which limit of the system err is about and how to raise it, or nothing.
func advice(error) string { return "" }
