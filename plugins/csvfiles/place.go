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

// maxSuffix is the highest number that is tried to make a name that is free.
const maxSuffix = 1_000_000

// errTaken says that a file of the name exists.
var errTaken = fs.ErrExist

// suffixed gives the path with a number before its extension, the path itself
// for 0: events.csv.gz and 2 make events-2.csv.gz.
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

// placeFree moves the finished file temp to path, or to the first of its
// numbered names from start on that is free, and gives the number.
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

// placeClaimed serves where the system has no way to move a file without
// overwriting another: it claims the name with an empty file and overwrites
// that. For a moment the empty file can be seen.
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

// placeLinked gives the file its second name and takes the first away. The
// system refuses to do so when the name is taken.
func placeLinked(temp, target string) error {
	err := os.Link(temp, target)
	switch {
	case err == nil:
		return os.Remove(temp)
	case errors.Is(err, errTaken), errors.Is(err, fs.ErrNotExist):
		return err
	}
	return placeClaimed(temp, target) // a file system without links
}
