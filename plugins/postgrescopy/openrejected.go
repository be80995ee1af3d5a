package postgrescopy

import (
	"context"
	"errors"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/rejected"
)

// What keeps the rejected rows of an output from being sent again.
const (
	errNoRejects     = "the output stores no rejected rows: give postgres_copy the field `rejects`"
	errLedgerChannel = "`exactly_once.channel` does not contain csv_channel, so that rows that are sent again would be taken for those that were rejected: write ${! @csv_channel }"
)

// OpenRejected opens the table for rejected rows of a postgres_copy whose fields are these, in YAML. Where there is no
// connection it tries again until ctx is done.
func OpenRejected(ctx context.Context, fields string) (*rejected.Table, error) {
	conf, err := spec().ParseYAML(fields, nil)
	if err != nil {
		return nil, err
	}
	c, err := configFromParsed(conf)
	if err != nil {
		return nil, err
	}
	switch {
	case c.rejects == nil:
		return nil, errors.New(errNoRejects)
	case c.channel != nil && !strings.Contains(c.channel.text, "csv_channel"):
		return nil, errors.New(errLedgerChannel)
	}
	return rejected.Open(ctx, c.connection, c.rejects.table)
}
