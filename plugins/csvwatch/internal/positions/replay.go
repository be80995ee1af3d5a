package positions

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
)

// longestLine is more than a line can be: a path has at most 4 KiB, of which JSON makes up to six times as much, and on
// Windows at most 96 KiB, which are text and stay as they are.
const longestLine = 256 << 10

// replayFile applies the lines of a journal, which need not be there. A journal is several times as large as what it
// holds, so it is not read as a whole. torn tells that the last line has no end.
func replayFile(name string) (entries []Entry, size int64, bad int, torn bool, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, 0, false, nil
	}
	if err != nil {
		return nil, 0, 0, false, err
	}
	defer f.Close()
	live := map[Channel]Entry{}
	size, bad, torn, err = replay(f, live)
	entries = make([]Entry, 0, len(live))
	for _, e := range live {
		entries = append(entries, e)
	}
	return entries, size, bad, torn, err
}

// replay applies lines to live.
func replay(src io.Reader, live map[Channel]Entry) (size int64, bad int, torn bool, err error) {
	lines := bufio.NewReaderSize(src, longestLine)
	tooLong := false
	for {
		line, err := lines.ReadSlice('\n')
		first := size == 0
		size += int64(len(line))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			tooLong = true
			continue
		case errors.Is(err, io.EOF):
			return size, bad, tooLong || len(line) > 0, nil
		case err != nil:
			return size, bad, false, err
		case first && (string(line) == journalHeader || string(line) == journalHeader1):
			continue // a foreign first line is counted among the bad ones
		}
		c, ok := parseLine(line[:len(line)-1])
		switch {
		case !ok || tooLong || c.Out != nil:
			bad++
		case c.Gone != nil:
			delete(live, *c.Gone)
		default:
			live[c.Channel] = *c.Entry
		}
		tooLong = false
	}
}
