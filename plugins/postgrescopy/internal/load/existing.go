package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
)

// skipExisting returns the rows of a group whose keys the table does not have, and
// how many the others are.
func skipExisting(ctx context.Context, s *conn.Session, g group) (missing []int, there int, err error) {
	t := g.of.table
	values, oids, formats := make([][]byte, len(t.Keys)), make([]uint32, len(t.Keys)), make([]int16, len(t.Keys))
	for i, place := range t.Keys {
		c := &t.Columns[place]
		values[i], oids[i], formats[i] = g.KeyArray(g.Set.KeyFields[i], c.ElementOID), c.ArrayOID, 1
	}
	if s.Settings != "" { // which may have another role, say
		if err := s.Exec(ctx, "BEGIN; "+s.Settings); err != nil {
			return nil, 0, err
		}
		defer func() { err = errors.Join(err, s.Rollback(ctx)) }()
	}
	found := s.Conn.ExecParams(ctx, t.ExistingStatement, values, oids, formats, nil).Read()
	if found.Err != nil {
		return nil, 0, fmt.Errorf("asking %s for keys: %w", t.Quoted, found.Err)
	}
	has := make([]bool, len(g.Order)+1)
	for _, row := range found.Rows {
		n, err := strconv.Atoi(string(row[0]))
		if err != nil || n < 1 || n > len(g.Order) {
			return nil, 0, fmt.Errorf("asking %s for keys: row number %q", t.Quoted, row[0])
		}
		has[n] = true
	}
	for n, row := range g.Order {
		if has[n+1] {
			there++
		} else {
			missing = append(missing, row)
		}
	}
	return missing, there, nil
}
