// Package config holds the shipped pipelines, so that the demo can run them
// from any directory.
package config

import "embed"

// Files are the pipelines and, under mappings, their Bloblang.
//
//go:embed pipeline.yaml generator.yaml keyless.yaml mappings/*.blobl scale/*.yaml
var Files embed.FS
