package watch

import (
	"fmt"
	"sync"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
)

// problems logs each kind of problem when it begins and when it is over. Safe for concurrent use.
type problems struct {
	mu    sync.Mutex
	kinds map[string]*problem
}

// problem is one kind that is not over yet.
type problem struct {
	last map[string]string // by format, the text logged last
	at   time.Time         // when a text was logged last
	left int               // texts that may follow within logEvery
	held int               // texts that were held back since
}

const (
	// logEvery is how often a kind of problem whose text keeps changing is logged.
	logEvery = time.Minute
	// mostTexts is how many different texts of a kind may follow one another at once.
	mostTexts = 3
)

// say logs an error of a kind of problem, unless that is what was logged last with this format. A kind with ever new texts
// is held back after mostTexts of them: then there is one a minute, with the number of the others.
func (t *problems) say(log Log, kind, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.kinds[kind]
	if k == nil {
		k = &problem{last: map[string]string{}, left: mostTexts}
		if t.kinds == nil {
			t.kinds = map[string]*problem{}
		}
		t.kinds[kind] = k
	}
	if k.last[format] == text {
		return
	}
	now := time.Now()
	if now.Sub(k.at) >= logEvery {
		k.left = max(k.left, 1)
	}
	if k.left == 0 {
		k.held++
		return
	}
	k.last[format], k.at = text, now
	k.left--
	if k.held > 0 {
		text = fmt.Sprintf("%s (and %d more like this)", text, k.held)
		k.held = 0
	}
	log.Errorf("%s", text)
}

// over logs that a problem has passed, if there was one.
func (t *problems) over(log Log, kind, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds[kind] != nil {
		delete(t.kinds, kind)
		log.Infof(format, args...)
	}
}

// mostDrifts bounds how many kinds of header are logged.
const mostDrifts = 100

// logDrift logs once how headers differ from what is expected, where files are read all the same. The lock is held.
func (w *Watcher) logDrift(path string, d csvrows.Drift) {
	if d.None() || len(w.drifts) >= mostDrifts {
		return
	}
	if words := d.String(); !w.drifts[words] {
		w.drifts[words] = true
		w.opt.Log.Warnf("The header of %s is not as in expected_headers: it %s. It is read by its names; other files like it are not logged", path, words)
	}
}

// logDoubt logs once for each reason that a header may not be one. The lock is held.
func (w *Watcher) logDoubt(path, why string) {
	if why == "" || w.drifts[why] || len(w.drifts) >= mostDrifts {
		return
	}
	w.drifts[why] = true
	w.opt.Log.Warnf("The header of %s may be misread%s. Other files like it are not logged. With expected_headers, such a file is refused", path, why)
}
