package csvwatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

var errOutput = errors.New("the output said no")

// answering returns a consumer that answers each batch in turn and accepts everything after the last answer.
func (p *pipeline) answering(answers ...func(service.MessageBatch) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = func(batch service.MessageBatch) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(answers) == 0 {
			return nil
		}
		answer := answers[0]
		answers = answers[1:]
		return answer(batch)
	}
}

func no(service.MessageBatch) error { return errOutput }

// noTo rejects the messages whose content has one of these texts, and accepts the others.
func (p *pipeline) noTo(texts ...string) func(service.MessageBatch) error {
	return func(batch service.MessageBatch) error {
		failed := service.NewBatchError(batch, errOutput)
		some := false
		before := len(p.rows)
		for i, m := range batch {
			content, _ := m.AsBytes()
			if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(string(content), text) }) {
				failed = failed.Failed(i, errOutput)
				some = true
			} else {
				p.rows = append(p.rows, string(content)) // consume holds the lock
			}
		}
		if !some {
			p.rows = p.rows[:before] // consume takes them
			return nil
		}
		return failed
	}
}

func csvOf(from, to int) string {
	var b strings.Builder
	b.WriteString("id\n")
	for i := from; i < to; i++ {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}

func messagesOf(numbers ...int) (rows []string) {
	for _, n := range numbers {
		rows = append(rows, fmt.Sprintf(`{"id":"%d"}`, n))
	}
	return rows
}

func TestARejectedBatchIsSentAgainUnchanged(t *testing.T) {
	t.Parallel()
	p := startPipeline(t, t.TempDir(), "")
	p.answering(no, no, no)
	p.write("a.csv", csvOf(0, 3))
	require.Equal(t, messagesOf(0, 1, 2), p.waitFor(3))
}

func TestOnlyTheRejectedRowsAreSentAgain(t *testing.T) {
	t.Parallel()
	p := startPipeline(t, t.TempDir(), "")
	p.answering(p.noTo(`"1"`, `"3"`), p.noTo(`"3"`), no)
	p.write("a.csv", csvOf(0, 5))
	require.Equal(t, messagesOf(0, 2, 4, 1, 3), p.waitFor(5))
	p.stop()
	require.Len(t, p.rows, 5)
}

func TestRejectedRowsAreKnownThroughProcessors(t *testing.T) {
	t.Parallel()
	p := startPipeline(t, t.TempDir(), `
processors:
  - mapping: |
      meta extra = "x"
      root = if this.id == "2" { deleted() } else { this }
  - mutation: root.seen = this.seen.or(0) + 1
`)
	// The rejected rows pass the processors again, in their original form.
	p.answering(p.noTo(`"0"`, `"4"`), p.noTo(`"4"`), p.noTo(`"4"`))
	p.write("a.csv", csvOf(0, 6))
	rows := p.waitFor(5)
	slices.Sort(rows)
	require.Equal(t, []string{
		`{"id":"0","seen":1}`, `{"id":"1","seen":1}`, `{"id":"3","seen":1}`, `{"id":"4","seen":1}`, `{"id":"5","seen":1}`,
	}, rows)
	p.stop()
	require.Len(t, p.rows, 5)
}

func TestUnidentifiedRejectionsSendTheWholeBatchAgain(t *testing.T) {
	t.Parallel()
	for _, mapping := range []string{"meta = {}", "meta csv_row = @csv_row + 100", "meta csv_row = @csv_row.string()"} {
		p := startPipeline(t, t.TempDir(), "\nprocessors:\n  - mapping: "+mapping+"\n")
		p.answering(p.noTo(`"1"`))
		p.write("a.csv", csvOf(0, 3))
		require.Equal(t, messagesOf(0, 2, 0, 1, 2), p.waitFor(5), mapping)
	}
}

func TestAPositionNeverPassesARejectedRow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startPipeline(t, dir, "  batch_count: 2\n")
	p.mu.Lock()
	p.answer = func(batch service.MessageBatch) error {
		content, _ := batch[0].AsBytes()
		if string(content) == `{"id":"2"}` {
			return errOutput // for ever
		}
		return nil
	}
	p.mu.Unlock()
	p.write("a.csv", csvOf(0, 8))
	require.Equal(t, messagesOf(0, 1, 4, 5, 6, 7), p.waitFor(6))
	p.stop()

	q := startPipeline(t, dir, "")
	require.Equal(t, messagesOf(2, 3, 4, 5, 6, 7), q.waitFor(6))
}

func TestWithoutReplayRejectedRowsWaitForARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startPipeline(t, dir, "  batch_count: 2\n  checkpoint_limit: 4\n  auto_replay_nacks: false\n")
	p.answering(func(service.MessageBatch) error { return nil }, no)
	p.write("a.csv", csvOf(0, 20))
	// More than checkpoint_limit rows follow: rejected rows do not count towards it.
	require.Equal(t, messagesOf(0, 1, 4, 5, 6, 7), p.waitFor(18)[:6])
	p.stop()

	q := startPipeline(t, dir, "")
	require.Equal(t, messagesOf(2, 3, 4), q.waitFor(18)[:3])
}

//promise:bounded-memory
func TestUnacknowledgedRowsAreBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "in"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in", "a.csv"), []byte(csvOf(0, 1000)), 0o644))
	c, err := parse(fmt.Sprintf("paths: [ %q ]\ncheckpoint_dir: %q\nbatch_count: 10\ncheckpoint_limit: 25", filepath.Join(dir, "in", "*.csv"), filepath.Join(dir, "state")))
	require.NoError(t, err)
	in := newInput(c, service.MockResources())
	require.NoError(t, in.Connect(t.Context()))
	defer func() { require.NoError(t, in.Close(t.Context())) }()
	var acks []service.AckFunc
	for _, rows := range []int{10, 10, 5} {
		batch, ack, err := in.ReadBatch(t.Context())
		require.NoError(t, err)
		require.Len(t, batch, rows)
		acks = append(acks, ack)
	}
	enough, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, _, err = in.ReadBatch(enough)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, acks[2](t.Context(), nil))
	batch, _, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	require.Len(t, batch, 5)
}

func TestPositionsLiveInACacheToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "cache"), 0o755))
	extra := "  checkpoint_cache: positions\n"
	resources := fmt.Sprintf("label: positions\nfile:\n  directory: %q\n", filepath.Join(dir, "cache"))
	p := startPipelineWith(t, dir, extra, resources)
	p.write("a.csv", csvOf(0, 3))
	require.Equal(t, messagesOf(0, 1, 2), p.waitFor(3))
	p.stop()
	q := startPipelineWith(t, dir, extra, resources)
	q.write("a.csv", "3\n")
	require.Equal(t, messagesOf(3), q.waitFor(1))
	q.stop()
	names, err := os.ReadDir(filepath.Join(dir, "cache"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	_, err = os.Stat(filepath.Join(dir, "state"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestASecondInstanceWaitsForTheFirstToEnd(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]func(dir string) (extra, resources string){
		"directory": func(string) (string, string) { return "", "" },
		"cache": func(dir string) (string, string) {
			require.NoError(t, os.Mkdir(filepath.Join(dir, "cache"), 0o755))
			return "  checkpoint_cache: positions\n", fmt.Sprintf("label: positions\nfile:\n  directory: %q\n", filepath.Join(dir, "cache"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			extra, resources := setup(dir)
			p := startPipelineWith(t, dir, extra, resources)
			p.write("a.csv", csvOf(0, 3))
			p.waitFor(3)
			q := startPipelineWith(t, dir, extra, resources)
			p.write("a.csv", "3\n")
			require.Equal(t, messagesOf(0, 1, 2, 3), p.waitFor(4))
			p.stop()
			q.write("a.csv", "4\n")
			require.Equal(t, messagesOf(4), q.waitFor(1))
		})
	}
}

func TestSmallFilesShareABatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startPipeline(t, dir, "")
	busy, go1 := make(chan struct{}), make(chan struct{})
	var sizes []int
	var once sync.Once
	p.mu.Lock()
	p.answer = func(batch service.MessageBatch) error {
		sizes = append(sizes, len(batch))
		once.Do(func() { close(busy); <-go1 })
		return nil
	}
	p.mu.Unlock()
	p.write("first.csv", csvOf(0, 1))
	<-busy
	for n := 1; n <= 200; n++ {
		p.write(fmt.Sprintf("%d.csv", n), csvOf(n, n+1))
	}
	close(go1)
	require.Len(t, p.waitFor(201), 201)
	p.stop()
	require.Less(t, len(sizes), 100, "%v", sizes)
}
