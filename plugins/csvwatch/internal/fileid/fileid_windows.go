package fileid

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// A watched file must stay free for its owner: whoever wants to may write, rename or delete it while it is open here.
const shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

// Of looks at what path leads to; symbolic links are followed.
func Of(path string) (Stat, error) {
	// Without access rights, so that a locked or forbidden file can be identified too.
	h, err := openHandle(path, 0)
	if err != nil {
		return Stat{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing was written through it
	return ofHandle(h, path)
}

// OfFile looks at an open file.
func OfFile(f *os.File) (Stat, error) {
	return ofHandle(windows.Handle(f.Fd()), f.Name())
}

// Open opens path for reading and leaves everything to others: writing, renaming, deleting.
func Open(path string) (*os.File, error) {
	h, err := openHandle(path, windows.GENERIC_READ)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// HasOtherNames reports whether the file would remain under another name after removing path: path is a symbolic link,
// or one of several hard links.
func HasOtherNames(path string) bool {
	if link, err := os.Lstat(path); err != nil || link.Mode()&fs.ModeSymlink != 0 {
		return err == nil
	}
	h, err := openHandle(path, 0)
	if err != nil {
		return false
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing was written through it
	var info windows.ByHandleFileInformation
	return windows.GetFileInformationByHandle(h, &info) == nil && info.NumberOfLinks > 1
}

func openHandle(path string, access uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return windows.InvalidHandle, err
	}
	// FILE_FLAG_BACKUP_SEMANTICS is what lets a directory be opened.
	return windows.CreateFile(name, access, shareAll, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
}

func ofHandle(h windows.Handle, path string) (Stat, error) {
	kind, err := windows.GetFileType(h)
	if err != nil {
		return Stat{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if kind != windows.FILE_TYPE_DISK {
		return Stat{Mode: fs.ModeDevice}, nil
	}
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return Stat{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	st := Stat{
		ID: ID{
			Dev: uint64(info.VolumeSerialNumber),
			Ino: uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow),
		},
		Size:     int64(info.FileSizeHigh)<<32 | int64(info.FileSizeLow),
		Modified: info.LastWriteTime.Nanoseconds(),
		Born:     info.CreationTime.Nanoseconds(),
		Mode:     0o666,
	}
	if info.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0 {
		st.Mode = fs.ModeDir | 0o777
	}
	return st, nil
}
