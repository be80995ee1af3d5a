package table

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
)

// maxTables bounds how many tables are kept prepared.
const maxTables = 128

// recheckEvery is how often a table is looked at for changes that no error
// tells of: a new column that so far was an unknown field, a dropped index.
const recheckEvery = 10 * time.Second

// Cache keeps the tables that were written to last, prepared. Many goroutines
// may use it.
type Cache struct {
	options Options
	pool    *conn.Pool

	mu     sync.Mutex
	byName map[string]*entry
}

type entry struct {
	table   *Table
	checked time.Time // when its fingerprint was last compared
	used    time.Time
}

// NewCache returns an empty cache of tables that are read over pool.
func NewCache(options Options, pool *conn.Pool) *Cache {
	return &Cache{options: options, pool: pool, byName: map[string]*entry{}}
}

// Get returns the table that a person calls name.
func (c *Cache) Get(ctx context.Context, name string) (*Table, error) {
	now := time.Now()
	c.mu.Lock()
	held := c.byName[name]
	if held != nil {
		held.used = now
		if now.Sub(held.checked) < recheckEvery {
			c.mu.Unlock()
			return held.table, nil
		}
		held.checked = now // the others need not look at the same time
	}
	c.mu.Unlock()
	if held == nil {
		return c.Load(ctx, name)
	}
	t, _, err := c.Refresh(ctx, name, held.table)
	return t, err
}

// Refresh compares the table with what is known of it, and returns a new Table
// if it has changed.
func (c *Cache) Refresh(ctx context.Context, name string, old *Table) (t *Table, changed bool, err error) {
	var fingerprint string
	err = c.pool.InTransaction(ctx, func(tx pgx.Tx) error {
		fingerprint, err = old.readFingerprint(ctx, tx)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("looking at table %s: %w", name, err)
	}
	if fingerprint == old.fingerprint {
		return old, false, nil
	}
	t, err = c.Load(ctx, name)
	return t, true, err
}

// Load reads the table from the catalogue.
func (c *Cache) Load(ctx context.Context, name string) (t *Table, err error) {
	err = c.pool.InTransaction(ctx, func(tx pgx.Tx) error {
		t, err = load(ctx, tx, name, c.options)
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
	c.byName[name] = &entry{table: t, checked: now, used: now}
	return t, nil
}

// makeRoom forgets the table that was not used for the longest time.
func (c *Cache) makeRoom() {
	if len(c.byName) < maxTables {
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
