//go:build unix && !linux

package fileid

import "golang.org/x/sys/unix"

// statAt looks at a path relative to an open directory.
func statAt(dir int, path string) (Stat, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstatat(dir, path, &st, 0) })
	return fromUnix(&st), err
}

// statOpen looks at an open file.
func statOpen(fd int) (Stat, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstat(fd, &st) })
	return fromUnix(&st), err
}
