package finish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

const (
	asidePrefix = ".csv_watch-"
	asideSuffix = ".finishing"
)

// ErrOther is returned when the name leads to another file than the one that is finished.
var ErrOther = errors.New("another file has taken the name")

// Aside returns the private name of a file while it is being finished, in its directory. key is the file's own.
func Aside(path, key string) string {
	return filepath.Join(filepath.Dir(path), asidePrefix+key+asideSuffix)
}

// IsAside reports whether a path has a private name, which nobody but its owner may touch.
func IsAside(path string) bool {
	name := filepath.Base(path)
	return strings.HasPrefix(name, asidePrefix) && strings.HasSuffix(name, asideSuffix)
}

// TakeAside renames the file at path to a private name, under which nobody exchanges it, and then looks whether it is the one
// that is meant. If it is not, it is put back and the error is ErrOther: whoever has the name at the moment of a rename is
// the one that is renamed.
func TakeAside(path, aside string, isMeant func(fileid.Stat) bool) error {
	if _, err := os.Lstat(aside); err == nil {
		// It could not be put back earlier.
		if _, err := PutBack(aside, path); err != nil {
			return err
		}
	}
	if err := os.Rename(path, aside); err != nil {
		return err
	}
	st, err := fileid.Of(aside)
	if err == nil && isMeant(st) {
		return nil
	}
	if err == nil {
		err = ErrOther
	}
	_, backErr := PutBack(aside, path)
	return errors.Join(err, backErr)
}

// PutBack restores the name of a file that was taken aside and returns it. If another file has got that name meanwhile,
// it gets the name with a number.
func PutBack(aside, path string) (string, error) {
	var n names
	to, err := n.place(filepath.Dir(path), filepath.Base(path), func(to string) error { return renameNew(aside, to) })
	if err != nil {
		return "", fmt.Errorf("putting %s back: %w", path, err)
	}
	return to, nil
}

// names finds free names. The zero names is ready.
type names struct {
	last map[string]int // the number that a name got last
}

// mostNames bounds how many names' numbers are remembered.
const mostNames = 1000

// place calls put with a name in dir until that name was free, which put reports as fs.ErrExist: the name itself, or the
// name with a number. It does not try each number from 1 on, since there may be very many.
func (n *names) place(dir, name string, put func(to string) error) (string, error) {
	to := filepath.Join(dir, name)
	err := put(to)
	for i := 0; errors.Is(err, fs.ErrExist); {
		if i == 0 {
			i = n.first(dir, name)
		} else {
			i++
		}
		to = filepath.Join(dir, numbered(name, i))
		if err = put(to); err == nil {
			n.remember(dir, name, i)
		}
	}
	return to, err
}

// first returns a number from which on names are likely to be free.
func (n *names) first(dir, name string) int {
	if last := n.last[filepath.Join(dir, name)]; last > 0 {
		return last + 1
	}
	taken := func(i int) bool {
		_, err := os.Lstat(filepath.Join(dir, numbered(name, i)))
		return err == nil
	}
	low, high := 0, 1 // low is taken
	for taken(high) {
		low, high = high, 2*high
	}
	for high-low > 1 {
		if mid := (low + high) / 2; taken(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

func (n *names) remember(dir, name string, i int) {
	if n.last == nil || len(n.last) >= mostNames {
		n.last = map[string]int{}
	}
	n.last[filepath.Join(dir, name)] = i
}

// numbered puts a number before the extensions of a name; 0 for none.
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	stem, ext := name, ""
	if dot := strings.IndexByte(name[1:], '.'); dot >= 0 {
		stem, ext = name[:dot+1], name[dot+1:]
	}
	return fmt.Sprintf("%s-%d%s", stem, n, ext)
}
