package demo

import "syscall"

func changeTime(stat *syscall.Stat_t) (sec, nsec int64) {
	return stat.Ctimespec.Sec, stat.Ctimespec.Nsec
}
