// Package cliargs lets flags of a command stand behind its arguments, as people write them.
package cliargs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Files returns the arguments of a command, and sets the flags that stand among or behind them. What follows a lone "--"
// is an argument whatever it begins with. It fails on flags that the command does not have.
func Files(c *cli.Context) ([]string, error) {
	var files []string
	args := c.Args().Slice()
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(files, args...), nil
		case len(arg) < 2 || arg[0] != '-':
			files = append(files, arg)
			continue
		}
		name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		flag := find(c.Command.Flags, name)
		if flag == nil {
			return nil, fmt.Errorf("flag provided but not defined: -%s", name)
		}
		if _, isBool := flag.(*cli.BoolFlag); isBool && !given {
			value, given = "true", true
		}
		if !given {
			if len(args) == 0 {
				return nil, fmt.Errorf("flag needs an argument: -%s", name)
			}
			value, args = args[0], args[1:]
		}
		if err := c.Set(flag.Names()[0], value); err != nil {
			return nil, fmt.Errorf("invalid value %q for flag -%s: %w", value, name, err)
		}
	}
	return files, nil
}

func find(flags []cli.Flag, name string) cli.Flag {
	for _, flag := range flags {
		if slices.Contains(flag.Names(), name) {
			return flag
		}
	}
	return nil
}
