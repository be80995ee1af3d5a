package postgrescopy

import (
	"sync"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/load"
)

// skipLog counts the rows that the ledger skips while no row is stored. A restart
// brings some rows again; when there are more, someone expects them to be stored.
// Many goroutines may use it.
type skipLog struct {
	mu      sync.Mutex
	skipped int // since a row was stored, or it was logged
	stored  bool
}

// manySkipped is more than what a restart brings again as a rule.
const manySkipped = 100_000

// add notes a batch, and returns how many rows to log as skipped, if any.
func (s *skipLog) add(r load.Result) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Written > 0 {
		s.stored, s.skipped = true, 0
		return 0
	}
	s.skipped += r.Skipped
	return s.take(manySkipped)
}

// end returns how many rows to log as skipped when no row was stored at all.
func (s *skipLog) end() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored {
		return 0
	}
	return s.take(1)
}

func (s *skipLog) take(least int) (skipped int) {
	if s.skipped >= least {
		skipped, s.skipped = s.skipped, 0
	}
	return skipped
}

func (o *copyOutput) logSkipped(rows int) {
	if rows > 0 {
		o.warn("The ledger has the last %d rows as done, so that none of them was stored. That is right when they come again after a restart. To store them again, name another `exactly_once.scope`", rows)
	}
}
