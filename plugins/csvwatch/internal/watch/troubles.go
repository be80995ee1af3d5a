package watch

import (
	"fmt"
	"sync"
)

// troubles says each trouble once, until it is over.
type troubles struct {
	mu   sync.Mutex
	said map[string]string
}

// say warns unless the same was said about this kind of trouble last.
func (t *troubles) say(log Log, kind, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said == nil {
		t.said = map[string]string{}
	}
	if t.said[kind] == text {
		return
	}
	t.said[kind] = text
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
