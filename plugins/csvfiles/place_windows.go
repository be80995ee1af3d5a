package csvfiles

import (
	"os"

	"golang.org/x/sys/windows"
)

// place moves temp to target. It returns errTaken if target exists.
func place(temp, target string) error {
	from, err := windows.UTF16PtrFromString(temp)
	if err != nil {
		return err
	}
	to, err := windows.UTF16PtrFromString(target)
	if err != nil {
		return err
	}
	if err := windows.MoveFileEx(from, to, windows.MOVEFILE_WRITE_THROUGH); err != nil {
		return &os.LinkError{Op: "rename", Old: temp, New: target, Err: err}
	}
	return nil
}
