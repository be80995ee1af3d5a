// Command connect is a build of Benthos, the engine of Redpanda Connect, that
// ingests e-commerce event files into PostgreSQL.
package main

import (
	"cmp"
	"context"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
	"github.com/urfave/cli/v2"

	"github.com/ecommerce-ingest/connect/internal/demo"
	"github.com/ecommerce-ingest/connect/internal/infer"
	"github.com/ecommerce-ingest/connect/internal/livepage"
	"github.com/ecommerce-ingest/connect/internal/load"
	"github.com/ecommerce-ingest/connect/internal/mappingfile"
	"github.com/ecommerce-ingest/connect/internal/top"
	_ "github.com/ecommerce-ingest/connect/plugins/all"
)

func main() {
	tuneMemory()
	useOurExamples()
	env := service.GlobalEnvironment()
	env.UseBloblangEnvironment(mappingfile.Environment())
	service.RunCLI(context.Background(),
		service.CLIOptSetEnvironment(env),
		service.CLIOptSetBinaryName("connect"),
		service.CLIOptSetProductName("Connect for e-commerce events"),
		service.CLIOptSetDocumentationURL("https://github.com/ecommerce-ingest/connect"),
		service.CLIOptSetVersion(buildVersion(), buildDate()),
		service.CLIOptSetMainSchemaFrom(func() *service.ConfigSchema {
			return livepage.Schema(buildVersion(), buildDate())
		}),
		service.CLIOptCustomRunFlags(nil, func(c *cli.Context) error {
			return mappingfile.CheckConfig(livepage.Schema(buildVersion(), buildDate()), cmp.Or(c.String("config"), c.Args().First()))
		}),
		service.CLIOptOnConfigParse(livepage.FromParsed),
		// Where "connect" without -c looks for a config.
		service.CLIOptSetDefaultConfigPaths(
			"connect.yaml",
			"config/pipeline.yaml",
			"/etc/connect/pipeline.yaml",
		),
		service.CLIOptAddCommand(demo.Command()),
		service.CLIOptAddCommand(top.Command()),
		service.CLIOptAddCommand(load.Command()),
		service.CLIOptAddCommand(load.CheckCommand()),
		service.CLIOptAddCommand(load.ReplayCommand()),
		service.CLIOptAddCommand(infer.Command()),
	)
}
