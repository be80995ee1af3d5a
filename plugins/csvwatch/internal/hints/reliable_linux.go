package hints

import (
	"errors"

	"golang.org/x/sys/unix"
)

// advice returns which limit of the system err is about and how to raise it, or nothing.
func advice(err error) string {
	var name, value string
	switch {
	case errors.Is(err, unix.ENOSPC):
		name, value = "max_user_watches", "1048576"
	case errors.Is(err, unix.EMFILE):
		name, value = "max_user_instances", "1024"
	default:
		return ""
	}
	return ": raise fs.inotify." + name + ", such as with sysctl fs.inotify." + name + "=" + value
}

// remote are filesystems whose files can be changed by other machines, or by a host, without this system noticing.
var remote = map[int64]bool{
	0x6969:     true, // NFS
	0x517B:     true, // SMB
	0xFE534D42: true, // SMB2
	0xFF534D42: true, // CIFS
	0x65735546: true, // FUSE, which virtiofs is too
	0x01021997: true, // 9P
	0x00C36400: true, // Ceph
	0x5346414F: true, // AFS
	0x0BD00BD0: true, // Lustre
	0x01161970: true, // GFS2
	0x7461636F: true, // OCFS2
	0x786F4256: true, // shared folders of VirtualBox
	0xBACBACBC: true, // shared folders of VMware
	0x47504653: true, // GPFS
	0x19830326: true, // BeeGFS
}

// holdsFilesOpen reports that watching a directory costs an open file for each file in it.
const holdsFilesOpen = false

// reliable reports whether all changes in dir can be expected to be reported.
func reliable(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false
	}
	return !remote[int64(uint32(st.Type))]
}
