package main

import (
	"bytes"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpExamples are the engine's examples that name components which this build
// does not have, and what stands in their place.
var helpExamples = strings.NewReplacer(
	"A stream processor for mundane tasks", "Loads CSV files into PostgreSQL, with the transforms in YAML",
	"create kafka//file", "create csv_watch//postgres_copy",
	"create stdin/bloblang,awk/nats", "create csv_watch/mutation,log/postgres_copy",
	"create file,http_server/protobuf/http_client", "create file,generate/mapping/csv_files",
)

// useOurExamples has the engine's help texts name components of this build.
func useOurExamples() {
	printHelp := cli.HelpPrinter
	cli.HelpPrinter = func(w io.Writer, template string, data any) {
		var text bytes.Buffer
		printHelp(&text, template, data)
		_, _ = helpExamples.WriteString(w, text.String()) // nothing can be done about a terminal
	}
}
