// Package sql embeds the schema: numbered, idempotent SQL files.
package sql

import "embed"

// Files holds the SQL files, to be run in the order of their names.
//
//go:embed *.sql
var Files embed.FS
