package cliargs

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

func TestFlagsMayStandBehindArguments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args  []string
		files []string
		table string
		json  bool
		err   string
	}{
		{args: []string{"--table", "t", "a", "b"}, files: []string{"a", "b"}, table: "t"},
		{args: []string{"a", "--table", "t", "b", "--json"}, files: []string{"a", "b"}, table: "t", json: true},
		{args: []string{"a", "-t=t", "--json=false"}, files: []string{"a"}, table: "t"},
		{args: []string{"a", "--", "--json"}, files: []string{"a", "--json"}},
		{args: []string{"a", "-"}, files: []string{"a", "-"}},
		{args: []string{"a", "--tabel", "t"}, err: "flag provided but not defined: -tabel"},
		{args: []string{"a", "--table"}, err: "flag needs an argument: -table"},
		{args: []string{"a", "--json=maybe"}, err: `invalid value "maybe" for flag -json: parse error`},
	} {
		app := &cli.App{Commands: []*cli.Command{{
			Name:  "x",
			Flags: []cli.Flag{&cli.StringFlag{Name: "table", Aliases: []string{"t"}}, &cli.BoolFlag{Name: "json"}},
			Action: func(c *cli.Context) error {
				files, err := Files(c)
				if test.err != "" {
					require.EqualError(t, err, test.err)
					return nil
				}
				require.NoError(t, err)
				require.Equal(t, test.files, files)
				require.Equal(t, test.table, c.String("table"))
				require.Equal(t, test.json, c.Bool("json"))
				return nil
			},
		}}}
		require.NoError(t, app.Run(append([]string{"connect", "x"}, test.args...)))
	}
}
