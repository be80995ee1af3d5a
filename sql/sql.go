// Package sql holds the schema: numbered files, each of which may be run again
// at any time.
package sql

import "embed"

// Files are the schema's files, by name in the order to run them.
//
//go:embed *.sql
var Files embed.FS
