//go:build unix

package chaos

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres"
	"github.com/ecommerce-ingest/connect/tests/rig"
)

var (
	duration = flag.Duration("chaos.duration", 12*time.Second, "how long each test causes faults")
	keepLog  = flag.Bool("chaos.keep", false, "keep the log of tests that passed, too")
	seedFlag = flag.Uint64("chaos.seed", 0, "the seed of the faults; 0 for a random one")
)

// mode is a shipped pipeline that stores each row once, and its table.
type mode struct {
	config, table string
	prepare       func(*rig.Site)
}

// TestChaosWithoutAKey causes faults around config/keyless.yaml. No table has a key or
// a unique index, so a row that is stored twice is there twice.
//
//promise:no-loss
//promise:once-by-ledger
func TestChaosWithoutAKey(t *testing.T) {
	t.Parallel()
	newChaos(t, mode{"keyless.yaml", "event_log", func(s *rig.Site) {
		s.DB.Exec(s.Schema("001_user_events.sql") + s.Schema("002_rejected_events.sql") + s.Schema("005_event_log.sql"))
		s.DB.Exec("ALTER TABLE rejected_events DROP CONSTRAINT rejected_events_pkey")
		s.DB.Require("0", `SELECT count(*) FROM pg_index WHERE indisunique AND indrelid IN ('event_log'::regclass, 'rejected_events'::regclass)`)
	}}).run()
}

// TestChaosWithAKey does the same to config/pipeline.yaml.
//
//promise:no-loss
//promise:once-by-key
func TestChaosWithAKey(t *testing.T) {
	t.Parallel()
	newChaos(t, mode{"pipeline.yaml", "user_events", func(s *rig.Site) { s.DB.CreateTables() }}).run()
}

// chaos causes faults around a running pipeline. Only the writer has a goroutine of its
// own.
type chaos struct {
	t    *testing.T
	mode mode
	seed uint64
	rand *rand.Rand // for the actions only, so that a seed repeats them

	site     *rig.Site
	server   *postgres.Server
	admin    string // DSN of the server itself, not of the proxy
	proxy    *proxy
	disk     *disk // nil if none can be mounted
	log      *programLog
	writer   *writer
	pipeline *rig.Program
	counts   map[string]int
	started  time.Time
}

func newChaos(t *testing.T, mode mode) *chaos {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with: go test ./tests/chaos -run '^%s$' -chaos.duration=%s -chaos.seed=%d", t.Name(), *duration, seed)
	if end, ok := t.Deadline(); ok && *duration > time.Minute && time.Until(end) < *duration+2*rig.Timeout {
		t.Fatalf("-chaos.duration=%s needs a longer -timeout of go test, such as -timeout=%s", *duration, *duration+10*time.Minute)
	}
	_, err := rig.Binary() // before the clock starts
	require.NoError(t, err)
	c := &chaos{
		t: t, mode: mode, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)),
		log: newProgramLog(t), counts: map[string]int{}, started: time.Now(),
	}
	c.site, c.server = rig.NewSiteWithServer(t)
	c.mode.prepare(c.site)
	// The server ends the sessions of a pipeline that pauses for longer.
	c.site.DB.Exec(`DO $$ BEGIN
		EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = 250', current_database());
		EXECUTE format('ALTER DATABASE %I SET idle_session_timeout = 1000', current_database());
		EXECUTE format('ALTER DATABASE %I SET statement_timeout = 2000', current_database());
	END $$`)
	c.admin = c.site.DSN + "&application_name=chaos&idle_session_timeout=0&statement_timeout=0"
	c.site.DB.Pool.Close()
	c.site.DB = rig.OpenDatabase(c.site, c.admin)
	c.proxy, c.site.DSN = newProxy(t, c.site.DSN)
	c.disk = newDisk(t, c.site.StateDir)
	if c.disk == nil {
		t.Log("no full disk is tested: only root may mount one")
	}
	c.site.Prepare = c.log.tap
	c.writer = newWriter(c)
	return c
}

// run causes faults while files are written, then lets the pipeline finish, and checks
// that each row is there once.
func (c *chaos) run() {
	defer c.tellOnFailure()
	c.tell("start")
	c.pipeline = c.launch()
	stop := make(chan struct{})
	wrote := make(chan error, 1)
	go func() { wrote <- c.writer.write(stop) }()
	c.strikeUntil(time.Now().Add(*duration))
	close(stop)
	require.NoError(c.t, <-wrote, "the writer of the files failed")
	c.tell("the files are written: %s", c.writer)

	wrapUp := time.Now()
	c.awaitAll()
	c.tell("all rows are there after %s", time.Since(wrapUp))
	c.restart()
	c.tell("restarted and ended after %s", time.Since(wrapUp))
	c.report()
	c.writer.requireOnce()
	c.t.Log("each good row was stored once, each bad one rejected once")
}

// strikeUntil takes the actions in random order, each as often as the others.
func (c *chaos) strikeUntil(end time.Time) {
	var deck []int
	for time.Now().Before(end) {
		if len(deck) == 0 {
			deck = c.rand.Perm(len(actions))
		}
		a := actions[deck[0]]
		deck = deck[1:]
		// Draw everything, whether the action needs it or not, so that the next
		// actions do not depend on it.
		r := roll{
			commits: c.rand.IntN(12),
			wait:    time.Duration(c.rand.IntN(100)) * time.Millisecond,
			pause:   time.Duration(50+c.rand.IntN(600)) * time.Millisecond,
			long:    c.rand.IntN(5) == 0,
			coin:    c.rand.IntN(2) == 0,
			share:   c.rand.Float64(),
		}
		if !c.proxy.awaitCommits(r.commits, 3*time.Second) {
			c.tell("fewer than %d commits in 3s", r.commits)
		}
		time.Sleep(r.wait) // so that it may hit anywhere
		c.tell("%s %+v", a.name, r)
		if a.strike(c, r) {
			c.counts[a.name]++
		}
		if c.pipeline.Ended() {
			require.FailNow(c.t, "the pipeline ended by itself", "%v", c.pipeline.Outcome)
		}
	}
}

// launch starts another pipeline.
func (c *chaos) launch() *rig.Program {
	return c.site.Launch("pipeline", []string{"run", filepath.Join(c.site.ConfigDir, c.mode.config)}, nil)
}

// awaitAll waits until all rows are stored or rejected. It fails the test if there are
// no more of them for half of rig.Timeout.
func (c *chaos) awaitAll() {
	good, bad := c.writer.totals()
	last, since := "", time.Now()
	for {
		got, err := c.site.DB.Value(fmt.Sprintf(`SELECT count(*) >= %d AND (SELECT count(*) >= %d FROM rejected_events) FROM %s`, good, bad, c.mode.table))
		if got == "true" {
			return
		}
		if stored, _ := c.site.DB.Value(fmt.Sprintf(`SELECT count(*) + (SELECT count(*) FROM rejected_events) FROM %s`, c.mode.table)); stored != last {
			last, since = stored, time.Now()
		}
		if time.Since(since) > rig.Timeout/2 || c.pipeline.Ended() {
			c.t.Errorf("there are no more rows than %s of %d and %d (%v)", last, good, bad, err)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// restart ends the pipeline with SIGTERM and starts another one, which would store
// again what it takes for new.
func (c *chaos) restart() {
	c.pipeline.Terminate()
	c.pipeline = c.launch()
	last := strings.Replace(rig.Record(1<<40), fmt.Sprint(1<<40), "-1", 1)
	c.site.DropFile("last.csv", rig.Header+"\n"+last+"\n")
	c.site.DB.Await("1", fmt.Sprintf("SELECT count(*) FROM %s WHERE user_id = -1", c.mode.table))
	c.pipeline.Terminate()
}

// report prints what was done.
func (c *chaos) report() {
	var done []string
	for _, name := range slices.Sorted(maps.Keys(c.counts)) {
		done = append(done, fmt.Sprintf("%d %s", c.counts[name], name))
	}
	c.t.Logf("seed %d, %.0fs: %s; %s", c.seed, time.Since(c.started).Seconds(), c.writer, strings.Join(done, ", "))
}

// tell adds a line to the log of the pipelines.
func (c *chaos) tell(format string, args ...any) {
	c.log.line(fmt.Sprintf("--- %.3fs: ", time.Since(c.started).Seconds()) + fmt.Sprintf(format, args...))
}

func (c *chaos) tellOnFailure() {
	if *keepLog {
		c.t.Logf("the log is kept in %s", c.log.keep())
	}
	if c.t.Failed() {
		c.t.Logf("seed %d; the end of %s:\n%s", c.seed, c.log.keep(), c.log.tail(150))
	}
}
