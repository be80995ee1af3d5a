package watch

import (
	"fmt"
	"sync"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
)

// troubles says each trouble once, until it is over.
type troubles struct {
	mu   sync.Mutex
	said map[string]map[string]string // by kind, what was said last by each format
}

// say logs an error of a kind of trouble, unless that is what was said last with this format.
func (t *troubles) say(log Log, kind, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said == nil {
		t.said = map[string]map[string]string{}
	}
	if t.said[kind] == nil {
		t.said[kind] = map[string]string{}
	}
	if t.said[kind][format] == text {
		return
	}
	t.said[kind][format] = text
	log.Errorf("%s", text)
}

// over tells that a trouble has passed, if there was one.
func (t *troubles) over(log Log, kind, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, had := t.said[kind]; had {
		delete(t.said, kind)
		log.Infof(format, args...)
	}
}

// mostDrifts bounds how many kinds of header are told of.
const mostDrifts = 100

// tellDrift says once how headers differ from what is expected, where files are read all the same. The lock is held.
func (w *Watcher) tellDrift(path string, d csvrows.Drift) {
	if d.None() || len(w.drifts) >= mostDrifts {
		return
	}
	if words := d.String(); !w.drifts[words] {
		w.drifts[words] = true
		w.opt.Log.Warnf("The header of %s is not as in expected_headers: it %s. It is read by its names; other files like it are not told", path, words)
	}
}
