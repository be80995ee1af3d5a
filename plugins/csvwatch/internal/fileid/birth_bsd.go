//go:build darwin || freebsd || netbsd

package fileid

import "golang.org/x/sys/unix"

// birthOf returns when the file was made; 0 where the filesystem does not tell, which it may also do by a negative time.
func birthOf(st *unix.Stat_t) int64 { return max(0, st.Btim.Nano()) }
