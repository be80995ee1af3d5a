package status

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Dial opens a connection of its own to the database of an output. The caller
// closes it.
type Dial func(context.Context) (*pgx.Conn, error)

// DatabaseAt sets how readers connect to the output's database.
func (o *Output) DatabaseAt(dial Dial) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dial = dial
}

// Databases returns how to connect to the databases of all outputs.
func (b *Board) Databases() []Dial {
	b.mu.Lock()
	defer b.mu.Unlock()
	var dials []Dial
	for _, out := range b.outputs {
		out.mu.Lock()
		if out.dial != nil {
			dials = append(dials, out.dial)
		}
		out.mu.Unlock()
	}
	return dials
}
