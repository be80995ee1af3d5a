package top

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ecommerce-ingest/connect/internal/status"
)

// mostAnswered bounds the answers of the page, in bytes.
const mostAnswered = 8 << 20

// client asks a live page.
type client struct {
	base string
	http *http.Client
}

// look is what the page answered.
type look struct {
	status.Snapshot
	history []second
	err     error
}

// second is what is drawn of one second of the history.
type second struct {
	Stored float64 `json:"stored"`
}

// look asks for the figures and the history.
func (c *client) look(ctx context.Context) (l look) {
	l.err = errors.Join(c.get(ctx, "/api/status", &l.Snapshot), c.get(ctx, "/api/history", &l.history))
	if l.err != nil {
		l.err = fmt.Errorf("%s does not answer: is the pipeline running, with live_page.enabled and this address? %w", c.base, l.err)
	}
	return l
}

func (c *client) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, mostAnswered)).Decode(into)
}
