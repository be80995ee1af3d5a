// Package replay helps inputs to send those of their rows again that an output refused.
//
// The engine has a wrapper for this purpose, service.AutoRetryNacksBatched. It keeps a copy of each message, which makes every
// mapping clone its document. An input that keeps its rows instead can give its messages away for good, and make new ones of
// the rows that were refused.
//
// Which rows these are is read from the metadata of the messages that an error lists. Metadata stay with what a message is
// made into; the context of a message does not, since processors that filter or reorder hand contexts on by position.
package replay

import (
	"errors"
	"iter"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Refusal is which rows of a delivery were refused. K names a row. The zero Refusal is of none.
type Refusal[K comparable] struct {
	all  bool
	some map[K]bool
}

// RefusalOf returns which rows the answer to a delivery refuses: none without an error, and all unless the error lists some
// messages, of which keyOf returns the row each, and all of these rows are the delivery's.
func RefusalOf[K comparable](err error, keyOf func(*service.Message) (K, bool), delivery iter.Seq[K]) Refusal[K] {
	if err == nil {
		return Refusal[K]{}
	}
	all := Refusal[K]{all: true}
	var listed *service.BatchError
	if !errors.As(err, &listed) || listed.IndexedErrors() == 0 {
		return all
	}
	refused := map[K]bool{}
	known := true
	//nolint:staticcheck // Deprecated because of its indexes, which are not used: each message knows its row.
	listed.WalkMessages(func(_ int, m *service.Message, err error) bool {
		if err == nil {
			return true
		}
		key, ok := keyOf(m)
		known = known && ok
		refused[key] = true
		return known
	})
	ours := 0
	for key := range delivery {
		if refused[key] {
			ours++
		}
	}
	if !known || ours == 0 || ours < len(refused) {
		return all // some were never this delivery's: what was meant is unknown
	}
	return Refusal[K]{some: refused}
}

// None reports whether no row was refused.
func (r Refusal[K]) None() bool { return !r.all && len(r.some) == 0 }

// Has reports whether a row of the delivery was refused.
func (r Refusal[K]) Has(key K) bool { return r.all || r.some[key] }
