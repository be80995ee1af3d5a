package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// component is a component or a Bloblang method that a plugin of this repository
// registers.
type component struct {
	name   string               // as written in YAML, or in a mapping
	kind   string               // input, output, processor …, or Bloblang method
	view   *service.ConfigView  // nil for a method
	method *bloblang.MethodView // nil for a component
}

// summary returns one sentence for the index.
func (c component) summary() string {
	if c.method == nil {
		return c.view.Summary()
	}
	sentence, _, _ := strings.Cut(c.method.Description(), ". ")
	return sentence + "."
}

// render returns the page.
func (c component) render() (string, error) {
	if c.method == nil {
		return render(c.view)
	}
	return renderMethod(c.method)
}

// find returns the components of the bundle, sorted by name: those whose name
// without underscores is that of a folder in plugins.
func find(root string, env *service.Environment, mappings *bloblang.Environment) ([]component, error) {
	folders, err := os.ReadDir(filepath.Join(root, "plugins"))
	if err != nil {
		return nil, fmt.Errorf("listing the plugins: %w", err)
	}
	registered := registeredByFolder(env, mappings)
	var found []component
	for _, folder := range folders {
		if !folder.IsDir() || folder.Name() == "all" {
			continue
		}
		components := registered[folder.Name()]
		if len(components) == 0 {
			return nil, fmt.Errorf("plugins/%s registers no component or method of that name (underscores aside); is it imported by plugins/all?", folder.Name())
		}
		found = append(found, components...)
	}
	slices.SortFunc(found, func(a, b component) int { return strings.Compare(a.name+" "+a.kind, b.name+" "+b.kind) })
	return found, nil
}

// registeredByFolder returns everything registered in env and mappings, by name
// without underscores.
func registeredByFolder(env *service.Environment, mappings *bloblang.Environment) map[string][]component {
	byFolder := map[string][]component{}
	mappings.WalkMethods(func(name string, view *bloblang.MethodView) {
		folder := strings.ReplaceAll(name, "_", "")
		byFolder[folder] = append(byFolder[folder], component{name: name, kind: "Bloblang method", method: view})
	})
	collect := func(kind string) func(string, *service.ConfigView) {
		return func(name string, view *service.ConfigView) {
			folder := strings.ReplaceAll(name, "_", "")
			byFolder[folder] = append(byFolder[folder], component{name: name, kind: kind, view: view})
		}
	}
	env.WalkBuffers(collect("buffer"))
	env.WalkCaches(collect("cache"))
	env.WalkInputs(collect("input"))
	env.WalkMetrics(collect("metrics"))
	env.WalkOutputs(collect("output"))
	env.WalkProcessors(collect("processor"))
	env.WalkRateLimits(collect("rate_limit"))
	env.WalkScanners(collect("scanner"))
	env.WalkTracers(collect("tracer"))
	return byFolder
}
