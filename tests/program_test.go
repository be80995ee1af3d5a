package tests

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/scrape"
)

// program is the built binary, running. It dies with its test.
type program struct {
	t       testing.TB
	name    string
	address string // of its HTTP server
	live    string // URL of its live page
	cmd     *exec.Cmd
	output  lockedBuffer
	started time.Time

	done    chan struct{} // closed when the process has ended
	outcome error         // how it ended; valid after done
	wanted  bool          // its end is expected
}

// launch starts the binary and ends it with the test. A program that ends
// unexpectedly fails the test.
func launch(t testing.TB, name string, prepare func(*exec.Cmd), args ...string) *program {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	p := &program{t: t, name: name, done: make(chan struct{}), cmd: exec.Command(path, args...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	prepare(p.cmd)
	dieWithUs(p.cmd)
	p.started = time.Now()
	require.NoError(t, p.cmd.Start())
	go func() {
		p.outcome = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		if p.ended() && !p.wanted {
			t.Errorf("the %s ended by itself: %v", name, p.outcome)
		}
		p.kill()
		if t.Failed() {
			t.Logf("what the %s said:\n%s", name, p.output.String())
		}
	})
	return p
}

func (p *program) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends the program with SIGKILL.
func (p *program) kill() {
	p.wanted = true
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.done
}

// terminate sends SIGTERM, as a service manager does, and checks that the program
// exits with 0.
func (p *program) terminate() {
	p.t.Helper()
	if runtime.GOOS == "windows" {
		p.t.Skip("Windows has no SIGTERM")
	}
	p.wanted = true
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.awaitEnd()
}

// awaitEnd waits until the program has exited with 0.
func (p *program) awaitEnd() {
	p.t.Helper()
	require.NoError(p.t, p.end(), "the %s ended badly", p.name)
}

// awaitFailure waits until the program has exited with an error.
func (p *program) awaitFailure() {
	p.t.Helper()
	require.Error(p.t, p.end(), "the %s ended as if all were well", p.name)
}

// end waits until the program has ended, as it should, and returns how.
func (p *program) end() error {
	p.t.Helper()
	p.wanted = true
	select {
	case <-p.done:
	case <-time.After(awaitTimeout):
		require.FailNow(p.t, "the "+p.name+" did not end when it should have")
	}
	return p.outcome
}

// awaitLine waits until the program has logged a line that matches pattern.
func (p *program) awaitLine(pattern string) {
	p.t.Helper()
	await(p.t, fmt.Sprintf("the %s to say %q", p.name, pattern), func() error {
		ended := p.ended() // all its lines were logged before
		switch {
		case len(p.lines(pattern)) > 0:
			return nil
		case ended:
			return &hopeless{fmt.Errorf("it ended: %v", p.outcome)}
		}
		return errors.New("it did not say so")
	})
}

// lines returns the logged lines that match pattern.
func (p *program) lines(pattern string) []string {
	var found []string
	re := regexp.MustCompile(pattern)
	for line := range strings.Lines(p.output.String()) {
		if re.MatchString(line) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// complaints returns the lines above the level INFO, except those about rejected rows.
func (p *program) complaints() []string {
	return slices.DeleteFunc(p.lines(`level=(warn|warning|error|fatal)\b`), func(line string) bool {
		return strings.Contains(line, "path=root.pipeline.processors") || rejectionSummary.MatchString(line)
	})
}

// rejectionSummary is the line that sums up which rows were rejected.
var rejectionSummary = regexp.MustCompile(`msg="Rejected [0-9]+ rows: `)

// requireCalm checks that the program logged no more than atMost complaints, plus two
// per second of its life.
func (p *program) requireCalm(atMost int) {
	p.t.Helper()
	lines := p.complaints()
	allowed := atMost + int(2*time.Since(p.started).Seconds())
	require.LessOrEqual(p.t, len(lines), allowed, "the %s floods its log:\n%s", p.name, strings.Join(lines, "\n"))
}

// metric sums a counter of the program over the series of the component with this label.
func (p *program) metric(name, label string) (float64, error) {
	resp, err := http.Get("http://" + p.address + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	sum, found, err := scrape.Sum(resp.Body, name, map[string]string{"label": label})
	if err == nil && !found {
		err = fmt.Errorf("no metric %s of %s", name, label)
	}
	return sum, err
}

// memory returns a figure of the program's memory in bytes, from the kernel: VmRSS
// is the resident size, VmHWM its maximum.
func (p *program) memory(field string) int64 {
	p.t.Helper()
	if runtime.GOOS != "linux" {
		p.t.Skip("resident memory is read from /proc")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	match := regexp.MustCompile(`(?m)^` + field + `:\s*(\d+) kB$`).FindSubmatch(status)
	require.NotNil(p.t, match)
	kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	require.NoError(p.t, err)
	return kilobytes << 10
}

// lockedBuffer collects the output of a program while tests read it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
