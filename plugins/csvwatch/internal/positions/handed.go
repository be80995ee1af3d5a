package positions

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"sync"
)

const (
	handedName = "handed.log"
	// handedMost is the size from which the log of what was handed out is written anew.
	handedMost = 1 << 20
)

// outstanding is what was handed out and is not done. It is safe for concurrent use.
type outstanding struct {
	mu    sync.Mutex
	marks map[Channel]Handed
}

// note adds marks and returns their lines.
func (o *outstanding) note(marks []Handed) (lines []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.marks == nil {
		o.marks = map[Channel]Handed{}
	}
	for i := range marks {
		o.marks[marks[i].Channel] = marks[i]
		if lines, err = appendLine(lines, change{Out: &marks[i]}); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// settle drops the marks that saved entries have come up to.
func (o *outstanding) settle(saved []Entry, gone []Channel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range saved {
		if o.marks[saved[i].Channel].End <= saved[i].Content.End {
			delete(o.marks, saved[i].Channel)
		}
	}
	for _, c := range gone {
		delete(o.marks, c)
	}
}

// lines returns the lines of all marks.
func (o *outstanding) lines() (lines []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, mark := range o.marks {
		if lines, err = appendLine(lines, change{Out: &mark}); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// load takes up the lines that an earlier process wrote and adds the marks to the entries that they reach beyond. A line
// that is torn was not followed by a handing out.
func (o *outstanding) load(lines []byte, entries []Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := map[Channel]Handed{}
	for line := range bytes.Lines(lines) {
		if c, ok := parseLine(bytes.TrimSuffix(line, []byte{'\n'})); ok && c.Out != nil {
			last[c.Out.Channel] = *c.Out
		}
	}
	o.marks = map[Channel]Handed{}
	for i := range entries {
		e := &entries[i]
		if mark, has := last[e.Channel]; has && mark.End > max(e.Content.End, e.Handed.End) {
			e.Handed = mark.Check
			o.marks[e.Channel] = mark
		}
	}
}

// handedLog is the log of what was handed out in a directory. It is written before each handing out and never flushed to
// the disk, which a process that is killed does not need. It is safe for concurrent use.
type handedLog struct {
	outstanding
	path string

	write sync.Mutex
	file  *os.File
	size  int64
}

func (l *handedLog) open(entries []Entry) error {
	text, err := os.ReadFile(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.load(text, entries)
	return l.rewrite()
}

// hand implements Store.Hand.
func (l *handedLog) hand(marks []Handed) error {
	lines, err := l.note(marks)
	if err != nil {
		return err
	}
	l.write.Lock()
	if l.file == nil || l.size > handedMost {
		l.write.Unlock()
		return l.rewrite()
	}
	defer l.write.Unlock()
	if _, err := l.file.WriteAt(lines, l.size); err != nil {
		_ = l.file.Truncate(l.size) // space may be short
		return err
	}
	l.size += int64(len(lines))
	return nil
}

// rewrite replaces the log by one of the present marks only.
func (l *handedLog) rewrite() error {
	l.write.Lock()
	defer l.write.Unlock()
	lines, err := l.lines()
	if err != nil {
		return err
	}
	aside := l.path + ".new"
	if err := os.WriteFile(aside, lines, 0o644); err != nil {
		_ = os.Remove(aside)
		return err
	}
	l.closeFile() // Windows does not rename over an open file
	if err := os.Rename(aside, l.path); err != nil {
		return err
	}
	l.file, err = os.OpenFile(l.path, os.O_WRONLY, 0)
	l.size = int64(len(lines))
	return err
}

func (l *handedLog) closeFile() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}
