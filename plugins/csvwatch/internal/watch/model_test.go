package watch

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	modelCases = flag.Int("model.cases", 150, "how many random histories TestAnyHistory goes through")
	modelSeed  = flag.Uint64("model.seed", 1, "the seed of the first history; 0 for a new one each time")
	modelSteps = flag.Int("model.steps", 40, "how many steps a history has")
)

// foundSeeds are of histories that failed once.
var foundSeeds = []uint64{
	1795581815511204342, // two positions with one inode, that of a removed file and that of the one that has it now
	1795589733449079549, // a timer saw the append to a file that had been renamed into place
	1795591197663142346, // a file was found to be rewritten after it was deleted, and another one had its inode
}

// TestAnyHistory lets random things happen to a folder and to the watcher over it, and compares what comes out with
// what must: no row of a file that stayed is lost or torn, and none comes twice unless a crash made its position be
// forgotten. A failure prints the seed, which replays the same steps.
//
//promise:no-loss
//promise:identity
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	first := *modelSeed
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	t.Logf("seeds from %d on", first)
	seeds := slices.Clone(foundSeeds)
	for n := range *modelCases {
		seeds = append(seeds, first+uint64(n))
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			m := newModel(t, seed)
			defer m.tellOnFailure()
			for range *modelSteps {
				m.step()
			}
			m.finish()
		})
	}
}

// model is what should be.
type model struct {
	t       *testing.T
	seed    uint64
	rand    *rand.Rand
	world   *world
	history []string

	files  []*modelFile
	next   int                  // the id of the next row
	rows   map[string]*modelRow // by text
	taken  int                  // how many of world.rows were looked at
	last   map[string]int64     // the last row of each channel in this run
	paused bool
	cleans bool // files are deleted when they have been quiet
}

// modelFile is a file that is there.
type modelFile struct {
	name    string
	rows    []*modelRow
	partial string // a record without its end
}

// modelRow is a record that was written.
type modelRow struct {
	text      string
	delivered bool // since the last time it was forgotten
	acked     bool
	saved     bool
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), rows: map[string]*modelRow{}, last: map[string]int64{}}
	m.world = newWorld(t)
	o := &m.world.options
	o.BatchRows = 1 + m.rand.IntN(10)
	o.MaxRows = o.BatchRows + m.rand.IntN(50)
	o.MaxOpen = 4 + m.rand.IntN(4)
	if m.rand.IntN(2) == 0 {
		m.world.set("poll", nil)
	}
	if m.rand.IntN(4) == 0 {
		o.ByName = true
	}
	if m.rand.IntN(3) == 0 {
		m.cleans = true
		o.Finish = remove
	}
	m.world.start()
	return m
}

func (m *model) tellOnFailure() {
	if m.t.Failed() {
		m.t.Logf("replay with: go test ./plugins/csvwatch/internal/watch -run TestAnyHistory -model.cases 1 -model.seed %d -model.steps %d", m.seed, *modelSteps)
		m.t.Logf("what happened:\n%s", strings.Join(m.history, "\n"))
		m.t.Logf("the log:\n%s", m.world.log)
	}
}

func (m *model) tell(format string, args ...any) {
	m.history = append(m.history, fmt.Sprintf(format, args...))
}

// step does one thing. What the weights favour is what happens most to real folders.
func (m *model) step() {
	steps := []struct {
		weight int
		do     func()
	}{
		{20, m.create}, {30, m.appendRows}, {6, m.appendPartial}, {6, m.rename}, {5, m.rotate}, {4, m.remove},
		{4, m.replace}, {4, m.truncate}, {3, m.rewrite}, {2, m.touch},
		{6, m.settle}, {4, m.pause}, {3, m.restart}, {3, m.kill}, {4, m.save}, {2, m.quiet}, {2, m.breakFiles},
		{3, m.sameBytes}, {3, m.replaceByLonger}, {2, m.changeCell}, {1, m.restore}, {1, m.otherDevice},
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	n := m.rand.IntN(total)
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			s.do()
			return
		}
	}
}

func (m *model) row() *modelRow {
	m.next++
	text := fmt.Sprintf("%d,%s", m.next, strings.Repeat("x", m.rand.IntN(30)))
	if m.rand.IntN(8) == 0 {
		text = fmt.Sprintf("%d,a\nb", m.next)
	}
	r := &modelRow{text: text}
	m.rows[text] = r
	return r
}

// csv is the row as it is written.
func (r *modelRow) csv() string {
	if strings.Contains(r.text, "\n") {
		id, cell, _ := strings.Cut(r.text, ",")
		return id + `,"` + cell + `"`
	}
	return r.text
}

func (m *model) someRows(most int) (rows []*modelRow, text string) {
	for range m.rand.IntN(most + 1) {
		r := m.row()
		rows = append(rows, r)
		text += r.csv() + "\n"
	}
	return rows, text
}

func (m *model) some() *modelFile {
	if len(m.files) == 0 {
		return nil
	}
	return m.files[m.rand.IntN(len(m.files))]
}

func (m *model) newName() string {
	m.next++
	return fmt.Sprintf("in/%s%d.csv", []string{"", "sub/", "sub/deep/"}[m.rand.IntN(3)], m.next)
}

// look takes up what was delivered since the last time.
func (m *model) look() {
	w := m.world
	w.mu.Lock()
	defer w.mu.Unlock()
	m.lookLocked()
}

func (m *model) lookLocked() {
	w := m.world
	for ; m.taken < len(w.rows); m.taken++ {
		d := w.rows[m.taken]
		r := m.rows[d.String()]
		if r == nil {
			m.t.Fatalf("%q of %s was never written", d.String(), d.path)
		}
		if r.delivered {
			m.t.Fatalf("%q of %s came twice", d.String(), d.path)
		}
		if d.number <= m.last[d.channel] {
			m.t.Fatalf("row %d of %s came behind row %d", d.number, d.path, m.last[d.channel])
		}
		m.last[d.channel] = d.number
		r.delivered = true
		r.acked = !m.paused
	}
}

// settle checks that whatever is there has come.
func (m *model) settle() {
	m.tell("settle")
	if m.paused {
		m.resume()
	}
	m.world.settle()
	m.look()
	for _, f := range m.files {
		for _, r := range f.rows {
			if !r.delivered {
				m.t.Fatalf("%q of %s did not come", r.text, f.name)
			}
		}
	}
}

// pause keeps what comes from being acknowledged; the next pause ends it.
func (m *model) pause() {
	if m.paused {
		m.resume()
		return
	}
	m.tell("pause")
	m.world.mu.Lock()
	m.lookLocked()
	m.paused, m.world.hold = true, true
	m.world.mu.Unlock()
}

func (m *model) resume() {
	m.tell("resume")
	w := m.world
	w.mu.Lock()
	defer w.mu.Unlock()
	m.lookLocked()
	for _, s := range w.held {
		w.watcher.Done(s)
	}
	w.held, w.hold, m.paused = nil, false, false
	for _, r := range m.rows {
		r.acked = r.acked || r.delivered
	}
}

func (m *model) save() {
	m.tell("save")
	w := m.world
	w.mu.Lock()
	defer w.mu.Unlock()
	m.lookLocked()
	require.NoError(m.t, w.watcher.save(m.t.Context()))
	w.watcher.mu.Lock()
	w.watcher.pack()
	w.watcher.mu.Unlock()
	for _, r := range m.rows {
		r.saved = r.saved || r.acked
	}
}

func (m *model) restart() {
	m.tell("restart")
	m.world.close()
	m.look()
	for _, r := range m.rows {
		r.saved = r.saved || r.acked
	}
	m.forget()
}

func (m *model) kill() {
	m.tell("kill")
	m.world.kill()
	m.look()
	m.forget()
}

// forget is what a new process does not know.
func (m *model) forget() {
	w := m.world
	m.paused = false
	clear(m.last)
	for _, r := range m.rows {
		r.delivered, r.acked = r.saved, r.saved
	}
	w.start()
}

// quiet makes records without line end count, and files go that are to be deleted.
func (m *model) quiet() {
	if m.paused {
		m.resume()
	}
	m.settle()
	m.tell("quiet")
	for _, f := range m.files {
		if f.partial != "" {
			r := &modelRow{text: f.partial}
			m.rows[r.text] = r
			f.rows = append(f.rows, r)
		}
	}
	if m.cleans {
		m.clean()
		return
	}
	m.world.beQuiet()
	m.settle()
	for _, f := range m.files {
		if f.partial != "" {
			f.partial = ""
			m.world.append(f.name, "\n")
		}
	}
}

// clean has all files deleted. At times one is replaced just before.
func (m *model) clean() {
	w := m.world
	var replaced string
	rows, text := m.someRows(9)
	if m.rand.IntN(2) == 0 && len(m.files) > 0 {
		victim := m.some().name
		var once sync.Once
		w.watcher.mu.Lock()
		w.watcher.opt.beforeAside = func(path string) {
			if path == w.path(victim) {
				once.Do(func() {
					replaced = victim
					w.write("next", modelHeader+text)
					w.rename("next", victim)
				})
			}
		}
		w.watcher.mu.Unlock()
	}
	w.beQuiet()
	w.until("the files are deleted", func() bool {
		left := 0
		for _, f := range m.files {
			if w.exists(f.name) {
				left++
			}
		}
		return left == 0 || (left == 1 && replaced != "" && w.exists(replaced) && !w.watcher.isCleaning())
	})
	m.look()
	for _, f := range m.files {
		for _, r := range f.rows {
			require.True(m.t, r.delivered, "%q of %s was deleted before it came", r.text, f.name)
		}
	}
	m.files = nil
	if replaced != "" {
		m.tell("%s was replaced by a file with %d rows before it was deleted", replaced, len(rows))
		m.files = append(m.files, &modelFile{name: replaced, rows: rows})
	} else {
		for _, r := range rows {
			delete(m.rows, r.text)
		}
	}
	m.settle()
}

// finish checks everything once more, over a restart after which nothing may come.
func (m *model) finish() {
	m.settle()
	m.restart()
	m.settle()
	m.world.close()
	m.look()
}
