//go:build unix

package csvwatch

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

var (
	kills    = flag.Int("kills", 15, "how often TestKilledAtAnyMoment kills its child")
	killSeed = flag.Uint64("kill.seed", 0, "the seed of TestKilledAtAnyMoment; 0 for a new one each time")
)

const (
	// childEnv makes this test binary run the stream that is killed, which prints each row.
	childEnv = "CSV_WATCH_TEST_CHILD"
	// childFilesEnv is how many files it may have open.
	childFilesEnv = "CSV_WATCH_TEST_FILES"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(childEnv); config != "" {
		runChild(config)
		return
	}
	os.Exit(m.Run())
}

// runChild runs a csv_watch input and prints a line for each row before it is acknowledged. It ends cleanly on SIGTERM.
func runChild(config string) {
	must := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if most, _ := strconv.Atoi(os.Getenv(childFilesEnv)); most > 0 {
		must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(most), Max: uint64(most)}))
	}
	b := service.NewStreamBuilder()
	b.SetPrintLogger(log.New(os.Stderr, "", 0))
	must(b.AddInputYAML(config))
	must(b.AddBatchConsumerFunc(func(_ context.Context, batch service.MessageBatch) error {
		var lines strings.Builder
		for _, m := range batch {
			content, err := m.AsStructured()
			must(err)
			channel, _ := m.MetaGet(metaChannel)
			row, _ := m.MetaGet(metaRow)
			fmt.Fprintf(&lines, "%s %s %s\n", channel, row, content.(map[string]any)["id"])
		}
		_, err := os.Stdout.WriteString(lines.String())
		must(err)
		return nil
	}))
	stream, err := b.Build()
	must(err)
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		must(stream.StopWithin(20 * time.Second))
	}()
	must(stream.Run(context.Background()))
}

// child is a running child and what it printed.
type child struct {
	cmd   *exec.Cmd
	ended chan struct{} // its output has ended

	mu    sync.Mutex
	lines []string
	some  chan struct{} // closed when a line has come
	log   lockedBuffer
}

// lockedBuffer is a buffer that one goroutine writes and another reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startChild(t *testing.T, config string, prepare ...func(*exec.Cmd)) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0]), ended: make(chan struct{}), some: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childEnv+"="+config)
	for _, p := range prepare {
		p(c.cmd)
	}
	c.cmd.Stderr = &c.log
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	go c.listen(bufio.NewReader(out))
	return c
}

func (c *child) listen(out *bufio.Reader) {
	defer close(c.ended)
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			return // an unfinished line is of a row that was not acknowledged
		}
		c.mu.Lock()
		if len(c.lines) == 0 {
			close(c.some)
		}
		c.lines = append(c.lines, strings.TrimSuffix(line, "\n"))
		c.mu.Unlock()
	}
}

// take returns what was printed since the last call.
func (c *child) take(from int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.lines[from:])
}

// end sends a signal and waits for the child to end.
func (c *child) end(signal os.Signal) {
	_ = c.cmd.Process.Signal(signal)
	<-c.ended
	_ = c.cmd.Wait()
}

// TestKilledAtAnyMoment repeatedly kills a pipeline while files appear, grow and are rotated. No row may be lost or
// partial, and every row keeps its channel and its number.
//
//promise:no-loss
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -kill.seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	require.NoError(t, os.Mkdir(in, 0o755))
	config := fmt.Sprintf("csv_watch:\n  paths: [ %q ]\n  checkpoint_dir: %q\n  checkpoint_interval: 20ms\n  batch_count: 20\n",
		filepath.Join(in, "**", "*.csv"), filepath.Join(dir, "state"))

	written, stopWriting := 0, make(chan struct{})
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		written = writeOn(t, in, rand.New(rand.NewPCG(seed, 3)), stopWriting)
	}()

	seen := names{byID: map[string]string{}, byName: map[string]string{}}
	for range *kills {
		c := startChild(t, config)
		select {
		case <-c.some:
			time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
		case <-c.ended:
			t.Fatal("the child ended by itself")
		}
		if r.IntN(4) == 0 {
			c.end(syscall.SIGTERM)
		} else {
			c.end(syscall.SIGKILL)
		}
		seen.add(t, c.take(0))
	}
	close(stopWriting)
	<-wrote
	c := startChild(t, config)
	taken := 0
	for deadline := time.Now().Add(time.Minute); len(seen.byID) < written && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		lines := c.take(taken)
		taken += len(lines)
		seen.add(t, lines)
	}
	c.end(syscall.SIGTERM)
	seen.add(t, c.take(taken))
	for n := range written {
		if seen.byID[fmt.Sprint(n)] == "" {
			t.Errorf("row %d was lost", n)
		}
	}
	if len(seen.byID) != written {
		t.Errorf("%d rows came, and %d were written", len(seen.byID), written)
	}
	t.Logf("%d rows were written, and %d repeated by %d ends", written, seen.repeated, *kills)

	// After a clean stop, no row is read again.
	last := startChild(t, config)
	extra := filepath.Join(in, "extra.csv")
	require.NoError(t, os.WriteFile(extra, fmt.Appendf(nil, "id,text\n%d,last\n", written), 0o644))
	select {
	case <-last.some:
	case <-time.After(20 * time.Second):
	}
	last.end(syscall.SIGTERM)
	lines := last.take(0)
	require.Len(t, lines, 1)
	require.True(t, strings.HasSuffix(lines[0], fmt.Sprint(" ", written)), lines[0])
}

// names holds the channel and number of each row by id, and the reverse.
type names struct {
	byID, byName map[string]string
	repeated     int
}

func (n *names) add(t *testing.T, lines []string) {
	for _, line := range lines {
		id := line[strings.LastIndexByte(line, ' ')+1:]
		name := strings.TrimSuffix(line, " "+id)
		if old := n.byID[id]; old != "" {
			n.repeated++
			if old != name {
				t.Errorf("row %s was %s and is %s", id, old, name)
			}
		}
		if old := n.byName[name]; old != "" && old != id {
			t.Errorf("%s was row %s and is row %s", name, old, id)
		}
		n.byID[id], n.byName[name] = name, id
	}
}

// writeOn writes rows with ids from 0 on to several files until it is stopped, and returns their number.
func writeOn(t *testing.T, dir string, r *rand.Rand, stop <-chan struct{}) int {
	type open struct {
		path string
		file *os.File
	}
	var files []*open
	next, made := 0, 0
	create := func() {
		made++
		path := filepath.Join(dir, fmt.Sprintf("%d.csv", made))
		f, err := os.Create(path)
		require.NoError(t, err)
		_, err = f.WriteString("id,text\n")
		require.NoError(t, err)
		files = append(files, &open{path, f})
	}
	for range 3 {
		create()
	}
	for {
		select {
		case <-stop:
			for _, f := range files {
				require.NoError(t, f.file.Close())
			}
			return next
		default:
		}
		f := files[r.IntN(len(files))]
		var text strings.Builder
		for range 1 + r.IntN(30) {
			fmt.Fprintf(&text, "%d,%s\n", next, strings.Repeat("x", r.IntN(100)))
			next++
		}
		rest := text.String()
		for len(rest) > 0 {
			n := 1 + r.IntN(len(rest))
			_, err := f.file.WriteString(rest[:n])
			require.NoError(t, err)
			rest = rest[n:]
		}
		switch r.IntN(20) {
		case 0:
			create()
		case 1: // rename while open
			made++
			path := filepath.Join(dir, fmt.Sprintf("%d.csv", made))
			require.NoError(t, os.Rename(f.path, path))
			f.path = path
		case 2: // finished, renamed in
			made++
			var text strings.Builder
			text.WriteString("id,text\n")
			for range 1 + r.IntN(100) {
				fmt.Fprintf(&text, "%d,%s\n", next, strings.Repeat("y", r.IntN(100)))
				next++
			}
			aside := filepath.Join(dir, "aside.tmp")
			require.NoError(t, os.WriteFile(aside, []byte(text.String()), 0o644))
			require.NoError(t, os.Rename(aside, filepath.Join(dir, fmt.Sprintf("%d.csv", made))))
		}
		time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
	}
}
