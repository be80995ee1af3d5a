package fileid

import (
	"errors"

	"golang.org/x/sys/unix"
)

// statAt looks at a path relative to an open directory.
func statAt(dir int, path string) (Stat, error) {
	st, err := statx(dir, path, 0)
	if !isForbidden(err) {
		return st, err
	}
	var old unix.Stat_t
	err = retry(func() error { return unix.Fstatat(dir, path, &old, 0) })
	return fromUnix(&old), err
}

// statOpen looks at an open file.
func statOpen(fd int) (Stat, error) {
	st, err := statx(fd, "", unix.AT_EMPTY_PATH)
	if !isForbidden(err) {
		return st, err
	}
	var old unix.Stat_t
	err = retry(func() error { return unix.Fstat(fd, &old) })
	return fromUnix(&old), err
}

// isForbidden reports whether the kernel, or a sandbox that is older than the call, does not offer statx.
func isForbidden(err error) bool { return errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) }

func statx(fd int, path string, flags int) (Stat, error) {
	var x unix.Statx_t
	err := retry(func() error {
		return unix.Statx(fd, path, flags|unix.AT_STATX_SYNC_AS_STAT, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &x)
	})
	if err != nil {
		return Stat{}, err
	}
	st := Stat{
		ID:       ID{Dev: unix.Mkdev(x.Dev_major, x.Dev_minor), Ino: x.Ino},
		Size:     int64(x.Size),
		Modified: x.Mtime.Sec*1e9 + int64(x.Mtime.Nsec),
		Changed:  x.Ctime.Sec*1e9 + int64(x.Ctime.Nsec),
		Mode:     fromUnixMode(uint32(x.Mode)),
	}
	if x.Mask&unix.STATX_BTIME != 0 {
		st.Born = x.Btime.Sec*1e9 + int64(x.Btime.Nsec)
	}
	return st, nil
}

// birthOf returns 0: only statx knows it.
func birthOf(*unix.Stat_t) int64 { return 0 }
