//go:build unix

package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// chaosLog keeps what all pipelines say, and what was done to them, in a file.
type chaosLog struct {
	mu   sync.Mutex
	file *os.File
	taps map[*exec.Cmd]*chaosTap
}

func newChaosLog(t testing.TB) *chaosLog {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return &chaosLog{file: f, taps: map[*exec.Cmd]*chaosTap{}}
}

// chaosTap takes what one pipeline says.
type chaosTap struct {
	log  *chaosLog
	said strings.Builder // under log.mu
}

// Write implements io.Writer.
func (t *chaosTap) Write(p []byte) (int, error) {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	if t.said.Len() < 1<<20 {
		t.said.Write(p)
	}
	return t.log.file.Write(p)
}

// tap takes what a program that is about to start will say.
func (l *chaosLog) tap(cmd *exec.Cmd) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &chaosTap{log: l}
	for other := range l.taps {
		if other.ProcessState != nil {
			delete(l.taps, other)
		}
	}
	l.taps[cmd] = t
	cmd.Stdout, cmd.Stderr = t, t
}

// says tells whether a program has said this.
func (l *chaosLog) says(p *program, text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.taps[p.cmd]
	return t != nil && strings.Contains(t.said.String(), text)
}

func (l *chaosLog) line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.file.WriteString(text + "\n")
}

// tail is the end of the log, in lines.
func (l *chaosLog) tail(lines int) string {
	text, err := os.ReadFile(l.file.Name())
	if err != nil {
		return err.Error()
	}
	return lastLines(string(text), lines)
}

// keep puts the log where it outlives the test, and returns its name.
func (l *chaosLog) keep() string {
	text, err := os.ReadFile(l.file.Name())
	if err != nil {
		return err.Error()
	}
	kept, err := os.CreateTemp("", "chaos-*.log")
	if err != nil {
		return err.Error()
	}
	defer kept.Close()
	if _, err := kept.Write(text); err != nil {
		return err.Error()
	}
	return kept.Name()
}
