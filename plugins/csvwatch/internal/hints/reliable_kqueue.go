//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package hints

import "os"

// mostWatched bounds the files of a directory that is watched: these systems tell of changes only to who holds each
// file open.
const mostWatched = 256

// holdsFilesOpen reports that watching a directory costs an open file for each file in it.
const holdsFilesOpen = true

// reliable reports whether all changes in dir can be expected to be reported.
func reliable(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	names, err := f.Readdirnames(mostWatched + 1)
	return len(names) <= mostWatched && (err == nil || len(names) == 0)
}

// advice returns which limit of the system err is about and how to raise it, or nothing.
func advice(error) string { return "" }
