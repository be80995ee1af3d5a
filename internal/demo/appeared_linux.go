package demo

import "syscall"

func changeTime(stat *syscall.Stat_t) (sec, nsec int64) {
	return int64(stat.Ctim.Sec), int64(stat.Ctim.Nsec)
}
