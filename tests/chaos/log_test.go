//go:build unix

package chaos

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// programLog collects the output of all pipelines, and the actions, in a file.
type programLog struct {
	mu   sync.Mutex
	file *os.File
	taps map[*exec.Cmd]*tap
}

func newProgramLog(t testing.TB) *programLog {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return &programLog{file: f, taps: map[*exec.Cmd]*tap{}}
}

// tap receives the output of one pipeline.
type tap struct {
	log  *programLog
	said strings.Builder // under log.mu
}

// Write implements io.Writer.
func (t *tap) Write(p []byte) (int, error) {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	if t.said.Len() < 1<<20 {
		t.said.Write(p)
	}
	return t.log.file.Write(p)
}

// tap redirects the output of a program that is about to start.
func (l *programLog) tap(cmd *exec.Cmd) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &tap{log: l}
	for other := range l.taps {
		if other.ProcessState != nil {
			delete(l.taps, other)
		}
	}
	l.taps[cmd] = t
	cmd.Stdout, cmd.Stderr = t, t
}

// says reports whether the output of a program contains text.
func (l *programLog) says(p *rig.Program, text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.taps[p.Cmd]
	return t != nil && strings.Contains(t.said.String(), text)
}

func (l *programLog) line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.file.WriteString(text + "\n")
}

// tail returns the last lines of the log.
func (l *programLog) tail(lines int) string {
	text, err := os.ReadFile(l.file.Name())
	if err != nil {
		return err.Error()
	}
	return lastLines(string(text), lines)
}

// keep copies the log to a file that outlives the test, and returns its name.
func (l *programLog) keep() string {
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
