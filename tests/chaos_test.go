//go:build unix

package tests

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres"
)

var (
	chaosDuration = flag.Duration("chaos.duration", 12*time.Second, "how long each chaos test lets things go wrong")
	chaosKeep     = flag.Bool("chaos.keep", false, "keep the pipelines' log of chaos tests that passed, too")
	chaosSeed     = flag.Uint64("chaos.seed", 0, "the seed of the chaos tests' actions; 0 for a new one each time")
)

// chaosMode is one way of storing each row once.
type chaosMode struct {
	config, table string
	prepare       func(*site)
}

// TestChaosWithoutAKey lets everything go wrong around config/keyless.yaml. No
// table has a key or a unique index: a row stored twice would stand there twice.
//
//promise:no-loss
//promise:once-by-ledger
func TestChaosWithoutAKey(t *testing.T) {
	t.Parallel()
	newChaos(t, chaosMode{"keyless.yaml", "event_log", func(s *site) {
		s.db.exec(s.schema("001_user_events.sql") + s.schema("002_rejected_events.sql") + s.schema("005_event_log.sql"))
		s.db.exec("ALTER TABLE rejected_events DROP CONSTRAINT rejected_events_pkey")
		s.db.require("0", `SELECT count(*) FROM pg_index WHERE indisunique AND indrelid IN ('event_log'::regclass, 'rejected_events'::regclass)`)
	}}).run()
}

// TestChaosWithAKey does the same to config/pipeline.yaml.
//
//promise:no-loss
//promise:once-by-key
func TestChaosWithAKey(t *testing.T) {
	t.Parallel()
	newChaos(t, chaosMode{"pipeline.yaml", "user_events", func(s *site) { s.db.makeTables() }}).run()
}

// chaos is a pipeline that is not left in peace.
type chaos struct {
	t    *testing.T
	mode chaosMode
	seed uint64
	rand *rand.Rand // of the actions, and of nothing else: a seed replays them

	site     *site
	server   *postgres.Server
	admin    string // DSN past the proxy
	proxy    *chaosProxy
	disk     *chaosDisk // nil where no disk can be had to fill
	log      *chaosLog
	writer   *chaosWriter
	pipeline *program
	counts   map[string]int
	started  time.Time
}

func newChaos(t *testing.T, mode chaosMode) *chaos {
	t.Helper()
	seed := *chaosSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with: go test ./tests -run '^%s$' -chaos.duration=%s -chaos.seed=%d", t.Name(), *chaosDuration, seed)
	if end, ok := t.Deadline(); ok && *chaosDuration > time.Minute && time.Until(end) < *chaosDuration+2*awaitTimeout {
		t.Fatalf("-chaos.duration=%s needs a longer -timeout of go test, such as -timeout=%s", *chaosDuration, *chaosDuration+10*time.Minute)
	}
	_, err := binary() // before the clock starts
	require.NoError(t, err)
	c := &chaos{
		t: t, mode: mode, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)),
		log: newChaosLog(t), counts: map[string]int{}, started: time.Now(),
	}
	c.site, c.server = newSiteOfItsOwn(t)
	c.mode.prepare(c.site)
	// Whoever pauses for longer than these is cut off.
	c.site.db.exec(`DO $$ BEGIN
		EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = 250', current_database());
		EXECUTE format('ALTER DATABASE %I SET idle_session_timeout = 1000', current_database());
		EXECUTE format('ALTER DATABASE %I SET statement_timeout = 2000', current_database());
	END $$`)
	c.admin = c.site.dsn + "&application_name=chaos&idle_session_timeout=0&statement_timeout=0"
	c.site.db.pool.Close()
	c.site.db = openDatabase(c.site, c.admin)
	c.proxy, c.site.dsn = newChaosProxy(t, c.site.dsn)
	c.disk = newChaosDisk(t, c.site.state)
	if c.disk == nil {
		t.Log("the disk of the positions is not filled: that takes root's right to mount one")
	}
	c.site.prepare = c.log.tap
	c.writer = newChaosWriter(c)
	return c
}

// run lets the actions happen, then leaves the pipeline in peace, and checks
// that each row came through once.
func (c *chaos) run() {
	defer c.tellOnFailure()
	c.tell("it begins")
	c.pipeline = c.launch()
	stop := make(chan struct{})
	wrote := make(chan error, 1)
	go func() { wrote <- c.writer.write(stop) }()
	c.strikeUntil(time.Now().Add(*chaosDuration))
	close(stop)
	require.NoError(c.t, <-wrote, "the writer of the files failed")
	c.tell("the files are written: %s", c.writer)

	wrapUp := time.Now()
	c.awaitAll()
	c.tell("all rows are there after %s", time.Since(wrapUp))
	c.rest()
	c.tell("all is over after %s", time.Since(wrapUp))
	c.report()
	c.writer.requireOnce()
	c.t.Log("each good row was stored once, each bad one rejected once")
}

func (c *chaos) strikeUntil(end time.Time) {
	var deck []int
	for time.Now().Before(end) {
		if len(deck) == 0 {
			deck = c.rand.Perm(len(chaosActions))
		}
		a := chaosActions[deck[0]]
		deck = deck[1:]
		// All is drawn whether the action needs it or not, so that what happens
		// does not change what comes next.
		r := chaosRoll{
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
		if c.pipeline.ended() {
			require.FailNow(c.t, "the pipeline ended by itself", "%v", c.pipeline.outcome)
		}
	}
}

// launch starts the pipeline.
func (c *chaos) launch() *program {
	return c.site.launch("pipeline", []string{"run", filepath.Join(c.site.config, c.mode.config)}, nil)
}

// awaitAll waits until as many rows and rejections are there as were written,
// for as long as it gets on.
func (c *chaos) awaitAll() {
	good, bad := c.writer.totals()
	last, since := "", time.Now()
	for {
		got, err := c.site.db.ask(fmt.Sprintf(`SELECT count(*) >= %d AND (SELECT count(*) >= %d FROM rejected_events) FROM %s`, good, bad, c.mode.table))
		if got == "true" {
			return
		}
		if stored, _ := c.site.db.ask(fmt.Sprintf(`SELECT count(*) + (SELECT count(*) FROM rejected_events) FROM %s`, c.mode.table)); stored != last {
			last, since = stored, time.Now()
		}
		if time.Since(since) > awaitTimeout/2 || c.pipeline.ended() {
			c.t.Errorf("no more rows come: %s of %d and %d (%v)", last, good, bad, err)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// rest ends the pipeline in good order and lets another one look at everything
// once more, so that what it would store twice is stored.
func (c *chaos) rest() {
	c.pipeline.terminate()
	c.pipeline = c.launch()
	last := strings.Replace(record(1<<40), fmt.Sprint(1<<40), "-1", 1)
	c.site.dropFile("last.csv", header+"\n"+last+"\n")
	c.site.db.await("1", fmt.Sprintf("SELECT count(*) FROM %s WHERE user_id = -1", c.mode.table))
	c.pipeline.terminate()
}

// report prints what was done.
func (c *chaos) report() {
	var done []string
	for _, name := range slices.Sorted(maps.Keys(c.counts)) {
		done = append(done, fmt.Sprintf("%d %s", c.counts[name], name))
	}
	c.t.Logf("seed %d, %.0fs: %s; %s", c.seed, time.Since(c.started).Seconds(), c.writer, strings.Join(done, ", "))
}

// tell notes what is done, among what the pipeline says.
func (c *chaos) tell(format string, args ...any) {
	c.log.line(fmt.Sprintf("--- %.3fs: ", time.Since(c.started).Seconds()) + fmt.Sprintf(format, args...))
}

func (c *chaos) tellOnFailure() {
	if *chaosKeep {
		c.t.Logf("the log is kept in %s", c.log.keep())
	}
	if c.t.Failed() {
		c.t.Logf("seed %d; the end of %s:\n%s", c.seed, c.log.keep(), c.log.tail(150))
	}
}

// through is dsn with another address.
func through(t testing.TB, dsn, address string) (server, proxied string) {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	server, u.Host = u.Host, address
	return server, u.String()
}
