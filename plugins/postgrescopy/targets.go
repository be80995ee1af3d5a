package postgrescopy

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxTargets bounds how many tables are kept prepared.
const maxTargets = 128

// recheckEvery is how often a table is looked at for changes that no error
// tells of: a new column that so far was an unknown field, a dropped index.
const recheckEvery = 10 * time.Second

// targets keeps the tables that were written to last, prepared.
type targets struct {
	options  targetOptions
	settings string

	mu     sync.Mutex
	byName map[string]*heldTarget
}

type heldTarget struct {
	target  *target
	checked time.Time // when its fingerprint was last compared
	used    time.Time
}

func newTargets(options targetOptions, settings string) *targets {
	return &targets{options: options, settings: settings, byName: map[string]*heldTarget{}}
}

// get gives the table that a person calls name.
func (c *targets) get(ctx context.Context, pool *pgxpool.Pool, name string) (*target, error) {
	now := time.Now()
	c.mu.Lock()
	held := c.byName[name]
	if held != nil {
		held.used = now
		if now.Sub(held.checked) < recheckEvery {
			c.mu.Unlock()
			return held.target, nil
		}
		held.checked = now // the others need not look at the same time
	}
	c.mu.Unlock()
	if held == nil {
		return c.load(ctx, pool, name)
	}
	t, _, err := c.refresh(ctx, pool, name, held.target)
	return t, err
}

// refresh compares the table with its target, and gives a new one if it has
// changed.
func (c *targets) refresh(ctx context.Context, pool *pgxpool.Pool, name string, old *target) (t *target, changed bool, err error) {
	var fingerprint string
	err = inTransaction(ctx, pool, c.settings, func(tx pgx.Tx) error {
		fingerprint, err = old.readFingerprint(ctx, tx)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("looking at table %s: %w", name, err)
	}
	if fingerprint == old.fingerprint {
		return old, false, nil
	}
	t, err = c.load(ctx, pool, name)
	return t, true, err
}

// load reads the table from the catalogue.
func (c *targets) load(ctx context.Context, pool *pgxpool.Pool, name string) (t *target, err error) {
	err = inTransaction(ctx, pool, c.settings, func(tx pgx.Tx) error {
		t, err = loadTarget(ctx, tx, name, c.options)
		return err
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		delete(c.byName, name)
		return nil, err
	}
	c.makeRoom()
	now := time.Now()
	c.byName[name] = &heldTarget{target: t, checked: now, used: now}
	return t, nil
}

// makeRoom forgets the table that was not used for the longest time.
func (c *targets) makeRoom() {
	if len(c.byName) < maxTargets {
		return
	}
	var oldest string
	for name, held := range c.byName {
		if oldest == "" || held.used.Before(c.byName[oldest].used) {
			oldest = name
		}
	}
	delete(c.byName, oldest)
}

// inTransaction runs do in a transaction with the settings of the
// configuration, and commits it.
func inTransaction(ctx context.Context, pool *pgxpool.Pool, settings string, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if settings != "" {
			if _, err := tx.Conn().PgConn().Exec(ctx, settings).ReadAll(); err != nil {
				return fmt.Errorf("applying the session's settings: %w", err)
			}
		}
		return do(tx)
	})
}
