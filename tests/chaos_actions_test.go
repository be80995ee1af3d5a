//go:build unix

package tests

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// chaosRoll is what the dice say of one action.
type chaosRoll struct {
	commits int           // to wait for before
	wait    time.Duration // and then
	pause   time.Duration // how long the trouble lasts
	long    bool          // or longer
	coin    bool          // which of two
	share   float64       // how much, of 1
}

// chaosAction is one thing that goes wrong. It tells whether to count it.
type chaosAction struct {
	name   string
	strike func(*chaos, chaosRoll) bool
}

var chaosActions = []chaosAction{
	{"SIGKILL", (*chaos).kill},
	{"SIGTERM", (*chaos).terminate},
	{"second instance", (*chaos).second},
	{"server stopped", (*chaos).stopServer},
	{"backends terminated", (*chaos).terminateBackends},
	{"cut once COMMIT was sent", func(c *chaos, _ chaosRoll) bool { return c.cut(cutAtCommit) }},
	{"cut once COMMIT was answered", func(c *chaos, _ chaosRoll) bool { return c.cut(cutAtAnswer) }},
	{"disk full", (*chaos).fillDisk},
	{"SIGSTOP", (*chaos).pause},
}

// kill kills the pipeline, now and then just when a commit is on its way.
func (c *chaos) kill(r chaosRoll) bool {
	if r.coin {
		c.proxy.awaitCommits(1, time.Second)
	}
	c.killNow()
	return false // it is counted
}

func (c *chaos) killNow() {
	c.counts["SIGKILL"]++
	c.pipeline.kill()
	c.pipeline = c.launch()
}

func (c *chaos) terminate(chaosRoll) bool {
	c.pipeline.wanted = true
	require.NoError(c.t, c.pipeline.cmd.Process.Signal(syscall.SIGTERM))
	if err := c.pipeline.end(); err != nil {
		c.tell("after SIGTERM: %v", err)
		c.counts["SIGTERM with a bad end"]++
	}
	c.pipeline = c.launch()
	return true
}

// second starts a second pipeline on the same positions, waits until one of
// the two says that these are in use, and kills one of them: the other goes on.
func (c *chaos) second(r chaosRoll) bool {
	first, other := c.pipeline, c.launch()
	c.pipeline = other
	await(c.t, "one of two pipelines to refuse", func() error {
		switch {
		case c.log.says(first, "in use"), c.log.says(other, "in use"):
			return nil
		case first.ended() || other.ended():
			return &hopeless{errors.New("it ended by itself")}
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
	other.kill()
	return true
}

func (c *chaos) stopServer(r chaosRoll) bool {
	require.NoError(c.t, c.server.StopNow(context.Background()))
	time.Sleep(r.pause)
	if r.long {
		c.killNow()
	}
	require.NoError(c.t, c.server.Restart(context.Background()))
	return true
}

func (c *chaos) terminateBackends(r chaosRoll) bool {
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
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

// cut waits for the next transaction to come to this point.
func (c *chaos) cut(at cutPoint) bool { return c.proxy.cutNext(at, 5*time.Second) }

func (c *chaos) fillDisk(r chaosRoll) bool {
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

// pause stops the pipeline for longer than the server waits for it.
func (c *chaos) pause(r chaosRoll) bool {
	require.NoError(c.t, c.pipeline.cmd.Process.Signal(syscall.SIGSTOP))
	time.Sleep(250*time.Millisecond + r.pause)
	if r.long {
		time.Sleep(1500 * time.Millisecond)
	}
	if r.coin {
		c.terminateBackends(r)
	}
	require.NoError(c.t, c.pipeline.cmd.Process.Signal(syscall.SIGCONT))
	return true
}

// lastLines are the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
