//go:build unix

package chaos

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// roll is the random part of one action.
type roll struct {
	commits int           // how many commits to await first
	wait    time.Duration // after the commits
	pause   time.Duration // how long the fault lasts
	long    bool          // lasts longer than pause
	coin    bool          // which of two variants
	share   float64       // of what is hit, 0 to 1
}

// action causes one kind of fault. strike reports whether to count it.
type action struct {
	name   string
	strike func(*chaos, roll) bool
}

var actions = []action{
	{"SIGKILL", (*chaos).kill},
	{"SIGTERM", (*chaos).terminate},
	{"second instance", (*chaos).second},
	{"server stopped", (*chaos).stopServer},
	{"backends terminated", (*chaos).terminateBackends},
	{"cut once COMMIT was sent", func(c *chaos, _ roll) bool { return c.cut(cutAtCommit) }},
	{"cut once COMMIT was answered", func(c *chaos, _ roll) bool { return c.cut(cutAtAnswer) }},
	{"disk full", (*chaos).fillDisk},
	{"SIGSTOP", (*chaos).pause},
}

// kill kills the pipeline, half of the time during a commit.
func (c *chaos) kill(r roll) bool {
	if r.coin {
		c.proxy.awaitCommits(1, time.Second)
	}
	c.killNow()
	return false // killNow has counted it
}

func (c *chaos) killNow() {
	c.counts["SIGKILL"]++
	c.pipeline.Kill()
	c.pipeline = c.launch()
}

func (c *chaos) terminate(roll) bool {
	c.pipeline.ExpectEnd()
	require.NoError(c.t, c.pipeline.Cmd.Process.Signal(syscall.SIGTERM))
	if err := c.pipeline.AwaitExit(); err != nil {
		c.tell("after SIGTERM: %v", err)
		c.counts["SIGTERM with a bad end"]++
	}
	c.pipeline = c.launch()
	return true
}

// second starts a second pipeline with the same positions, waits until one of them logs
// that they are in use, and kills one. The other continues.
func (c *chaos) second(r roll) bool {
	first, other := c.pipeline, c.launch()
	c.pipeline = other
	rig.Await(c.t, "one of two pipelines to refuse", func() error {
		switch {
		case c.log.says(first, "in use"), c.log.says(other, "in use"):
			return nil
		case first.Ended() || other.Ended():
			return rig.Hopeless(errors.New("it ended by itself"))
		}
		return errors.New("neither did")
	})
	time.Sleep(r.pause / 2) // both run on
	if r.coin {
		c.pipeline, other = other, first
	} else {
		c.pipeline = first
	}
	c.counts["SIGKILL"]++
	other.Kill()
	return true
}

func (c *chaos) stopServer(r roll) bool {
	require.NoError(c.t, c.server.StopNow(context.Background()))
	time.Sleep(r.pause)
	if r.long {
		c.killNow()
	}
	require.NoError(c.t, c.server.Restart(context.Background()))
	return true
}

func (c *chaos) terminateBackends(r roll) bool {
	ctx, cancel := context.WithTimeout(context.Background(), rig.Timeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.admin)
	require.NoError(c.t, err)
	defer conn.Close(ctx)
	share := r.share
	if r.coin {
		share = 1
	}
	_, err = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name <> 'chaos' AND random() <= $1::float8`, share)
	require.NoError(c.t, err)
	return true
}

// cut cuts the connection of the next transaction that reaches a point.
func (c *chaos) cut(at cutPoint) bool { return c.proxy.cutNext(at, 5*time.Second) }

func (c *chaos) fillDisk(r roll) bool {
	if c.disk == nil {
		return false
	}
	require.NoError(c.t, c.disk.fill())
	if r.coin {
		c.killNow()
	}
	time.Sleep(r.pause)
	if r.long {
		c.killNow()
		time.Sleep(r.pause)
	}
	require.NoError(c.t, c.disk.free())
	return true
}

// pause stops the pipeline for longer than the timeouts of the server.
func (c *chaos) pause(r roll) bool {
	require.NoError(c.t, c.pipeline.Cmd.Process.Signal(syscall.SIGSTOP))
	time.Sleep(250*time.Millisecond + r.pause)
	if r.long {
		time.Sleep(1500 * time.Millisecond)
	}
	if r.coin {
		c.terminateBackends(r)
	}
	require.NoError(c.t, c.pipeline.Cmd.Process.Signal(syscall.SIGCONT))
	return true
}

// lastLines returns the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
