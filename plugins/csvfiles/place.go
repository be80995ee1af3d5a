package csvfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSuffix is the highest number that is tried to find a free name.
const maxSuffix = 1_000_000

// errTaken means that the name is taken.
var errTaken = fs.ErrExist

// suffixed returns the path with a number before its extension, such as
// events-2.csv.gz, or the path itself for 0.
func suffixed(path string, n int) string {
	if n == 0 {
		return path
	}
	dir, base := filepath.Split(path)
	name, extension := base, ""
	if strings.HasSuffix(name, gzipExtension) {
		name, extension = strings.TrimSuffix(name, gzipExtension), gzipExtension
	}
	if ext := filepath.Ext(name); ext != name { // .csv alone is a name
		name, extension = strings.TrimSuffix(name, ext), ext+extension
	}
	return dir + name + "-" + strconv.Itoa(n) + extension
}

// placeFree moves the finished file temp to the first free name of path's
// numbered names from start on, and returns the number.
func placeFree(temp, path string, start int) (int, error) {
	for n := start; n <= maxSuffix; n++ {
		target := suffixed(path, n)
		err := place(temp, target)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, errTaken) {
			return 0, fmt.Errorf("putting %s in place: %w", target, err)
		}
	}
	return 0, fmt.Errorf("putting %s in place: it and %d numbered names exist", path, maxSuffix)
}

// placeClaimed works on every file system: it claims the name with an empty file,
// which is visible for a moment, and overwrites that.
func placeClaimed(temp, target string) error {
	claim, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	if err := claim.Close(); err != nil {
		return err
	}
	if err := os.Rename(temp, target); err != nil {
		_ = os.Remove(target)
		return err
	}
	return nil
}

// placeLinked links the file to a second name, which fails if the name is taken, and
// removes the first.
func placeLinked(temp, target string) error {
	err := os.Link(temp, target)
	switch {
	case err == nil:
		return os.Remove(temp)
	case errors.Is(err, errTaken), errors.Is(err, fs.ErrNotExist):
		return err
	}
	return placeClaimed(temp, target) // no hard links here
}
