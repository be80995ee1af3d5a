package demo

import (
	"context"
	"fmt"
	"log/slog"
	"os"
)

// newLogger returns a logger to a file that also shows warnings and errors on the
// screen.
func newLogger(path string, screen *screen) (_ *slog.Logger, closeFile func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the log of the demo: %w", err)
	}
	toFile := slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelInfo})
	return slog.New(&alsoWarnings{toFile, screen}), f.Close, nil
}

type alsoWarnings struct {
	slog.Handler
	screen *screen
}

func (h *alsoWarnings) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelWarn {
		h.screen.note(record.Level.String() + " " + record.Message)
	}
	return h.Handler.Handle(ctx, record)
}

func (h *alsoWarnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &alsoWarnings{h.Handler.WithAttrs(attrs), h.screen}
}

func (h *alsoWarnings) WithGroup(name string) slog.Handler {
	return &alsoWarnings{h.Handler.WithGroup(name), h.screen}
}
