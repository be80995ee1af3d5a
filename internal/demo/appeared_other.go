//go:build !linux && !darwin

package demo

import (
	"io/fs"
	"time"
)

// appeared returns when a file was last written, which is shortly before it got its
// current name.
func appeared(info fs.FileInfo) time.Time { return info.ModTime() }
