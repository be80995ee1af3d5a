package rig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// Program is the running program. It ends with its test, which fails if it ended by
// itself and no method expected that. Only the output may be used from other goroutines.
type Program struct {
	t       testing.TB
	name    string
	Address string // of its HTTP server
	LiveURL string // URL of its live page
	Cmd     *exec.Cmd
	output  lockedBuffer
	Started time.Time

	done    chan struct{} // closed when the process has ended
	Outcome error         // how it ended; valid after done
	wanted  bool          // its end is expected
}

// launch starts the binary and ends it with the test. A program that ends
// unexpectedly fails the test.
func launch(t testing.TB, name string, prepare func(*exec.Cmd), args ...string) *Program {
	t.Helper()
	path, err := Binary()
	require.NoError(t, err)
	p := &Program{t: t, name: name, done: make(chan struct{}), Cmd: exec.Command(path, args...)}
	p.Cmd.Stdout, p.Cmd.Stderr = &p.output, &p.output
	prepare(p.Cmd)
	dieWithUs(p.Cmd)
	p.Started = time.Now()
	require.NoError(t, p.Cmd.Start())
	go func() {
		p.Outcome = p.Cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		if p.Ended() && !p.wanted {
			t.Errorf("the %s ended by itself: %v", name, p.Outcome)
		}
		p.Kill()
		if t.Failed() {
			t.Logf("what the %s said:\n%s", name, p.output.String())
		}
	})
	return p
}

// Ended reports whether the program has ended.
func (p *Program) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ExpectEnd lets the program end by itself without failing the test.
func (p *Program) ExpectEnd() { p.wanted = true }

// Kill ends the program with SIGKILL.
func (p *Program) Kill() {
	p.wanted = true
	_ = p.Cmd.Process.Kill() // it may be gone already
	<-p.done
}

// Terminate sends SIGTERM, as a service manager does, and checks that the program
// exits with 0.
func (p *Program) Terminate() {
	p.t.Helper()
	if runtime.GOOS == "windows" {
		p.t.Skip("Windows has no SIGTERM")
	}
	p.wanted = true
	require.NoError(p.t, p.Cmd.Process.Signal(syscall.SIGTERM))
	p.AwaitSuccess()
}

// AwaitSuccess waits until the program has exited with 0.
func (p *Program) AwaitSuccess() {
	p.t.Helper()
	require.NoError(p.t, p.AwaitExit(), "the %s ended badly", p.name)
}

// AwaitFailure waits until the program has exited with an error.
func (p *Program) AwaitFailure() {
	p.t.Helper()
	require.Error(p.t, p.AwaitExit(), "the %s ended as if all were well", p.name)
}

// AwaitExit waits until the program has ended by itself, and returns its error.
func (p *Program) AwaitExit() error {
	p.t.Helper()
	p.wanted = true
	select {
	case <-p.done:
	case <-time.After(Timeout):
		require.FailNow(p.t, "the "+p.name+" did not end when it should have")
	}
	return p.Outcome
}

// AwaitLine waits until the program has logged a line that matches pattern.
func (p *Program) AwaitLine(pattern string) {
	p.t.Helper()
	Await(p.t, fmt.Sprintf("the %s to say %q", p.name, pattern), func() error {
		ended := p.Ended() // all its lines were logged before
		switch {
		case len(p.Lines(pattern)) > 0:
			return nil
		case ended:
			return Hopeless(fmt.Errorf("it ended: %s", p.Cmd.ProcessState))
		}
		return errors.New("it did not say so")
	})
}

// Lines returns the logged lines that match pattern.
func (p *Program) Lines(pattern string) []string {
	var found []string
	re := regexp.MustCompile(pattern)
	for line := range strings.Lines(p.output.String()) {
		if re.MatchString(line) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// Complaints returns the lines above level INFO, except those about rejected rows.
func (p *Program) Complaints() []string {
	return slices.DeleteFunc(p.Lines(`level=(warn|warning|error|fatal)\b`), func(line string) bool {
		return strings.Contains(line, "path=root.pipeline.processors") || rejectionSummary.MatchString(line)
	})
}

// rejectionSummary is the line that sums up which rows were rejected.
var rejectionSummary = regexp.MustCompile(`msg="Rejected [0-9]+ rows: `)

// RequireCalm checks that the program logged no more than atMost complaints, plus two
// per second of its life.
func (p *Program) RequireCalm(atMost int) {
	p.t.Helper()
	lines := p.Complaints()
	allowed := atMost + int(2*time.Since(p.Started).Seconds())
	require.LessOrEqual(p.t, len(lines), allowed, "the %s floods its log:\n%s", p.name, strings.Join(lines, "\n"))
}

// Metric sums a counter of the program over the series of the component with this label.
func (p *Program) Metric(name, label string) (float64, error) {
	resp, err := http.Get("http://" + p.Address + "/metrics")
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

// Memory returns a figure of the program's memory in bytes, from the kernel: VmRSS
// is the resident size, VmHWM its maximum.
func (p *Program) Memory(field string) int64 {
	p.t.Helper()
	if runtime.GOOS != "linux" {
		p.t.Skip("resident memory is read from /proc")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	require.NoError(p.t, err)
	match := regexp.MustCompile(`(?m)^` + field + `:\s*(\d+) kB$`).FindSubmatch(status)
	require.NotNil(p.t, match)
	kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	require.NoError(p.t, err)
	return kilobytes << 10
}

// Output returns everything that the program has written so far.
func (p *Program) Output() string { return p.output.String() }

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

// HasRead returns nil once the pipeline has read at least n records.
func (p *Program) HasRead(n int) error {
	read, err := p.Metric("input_received", "event_files")
	if err == nil && read < float64(n) {
		err = fmt.Errorf("it has read %v", read)
	}
	return err
}

// Metrics returns the program's metrics in the text format of Prometheus.
func (p *Program) Metrics() string {
	p.t.Helper()
	answer, err := http.Get("http://" + p.Address + "/metrics")
	require.NoError(p.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	return string(text)
}

// ReadyIs returns a check for Await: whether /ready responds with this status code.
func (p *Program) ReadyIs(want int) func() error {
	return func() error {
		answer, err := http.Get("http://" + p.Address + "/ready")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != want {
			return errors.New(answer.Status)
		}
		return nil
	}
}

// ReadyIsNot returns a check for Await: whether /ready responds with another status code.
func (p *Program) ReadyIsNot(want int) func() error {
	return func() error {
		if p.ReadyIs(want)() == nil {
			return fmt.Errorf("still %d", want)
		}
		return nil
	}
}

// RequireNoPassword checks that the program did not log the password of a DSN.
func (p *Program) RequireNoPassword(dsn string) {
	p.t.Helper()
	_, rest, _ := strings.Cut(dsn, "://")
	credentials, _, _ := strings.Cut(rest, "@")
	_, password, _ := strings.Cut(credentials, ":")
	require.NotEmpty(p.t, password)
	require.NotContains(p.t, p.output.String(), password)
}
