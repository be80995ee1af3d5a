package load

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// pipeline is the configuration of a pipeline while it is edited. What is not touched stays as it was written,
// variables of the environment included.
type pipeline struct{ root *yaml.Node }

func parsePipeline(text []byte) (*pipeline, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("parsing the YAML: %w", err)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("parsing the YAML: a pipeline is an object with an input and an output")
	}
	p := &pipeline{doc.Content[0]}
	if p.find("input", "csv_watch") == nil {
		return nil, errors.New("the pipeline's `input` is no `csv_watch`: only files can be loaded")
	}
	return p, nil
}

// find returns the value at a path of keys; nil when it is not there.
func (p *pipeline) find(path ...string) *yaml.Node {
	node := p.root
	for _, key := range path {
		if _, node = lookUp(node, key); node == nil {
			return nil
		}
	}
	return node
}

// lookUp returns the place of a key in a mapping, and its value; nil when it is not there.
func lookUp(node *yaml.Node, key string) (int, *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		return -1, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return i, node.Content[i+1]
		}
	}
	return -1, nil
}

// resolved returns what is at a path of keys, with the variables of the environment in their places.
func (p *pipeline) resolved(path ...string) (string, error) {
	text, err := yaml.Marshal(map[string]any{"resolved": p.find(path...)})
	if err != nil {
		return "", err
	}
	schema := service.GlobalEnvironment().CoreConfigSchema("", "").Field(service.NewAnyField("resolved"))
	conf, err := schema.NewConfigQuerier().ParseYAML(string(text))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", strings.Join(path, "."), err)
	}
	field, err := conf.FieldAtPath("resolved")
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", strings.Join(path, "."), err)
	}
	value, err := field.FieldAny()
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", strings.Join(path, "."), err)
	}
	text, err = yaml.Marshal(value)
	return string(text), err
}

// set puts a value at a path of keys, whose parents have to be there.
func (p *pipeline) set(value any, path ...string) error {
	parent, key := p.find(path[:len(path)-1]...), path[len(path)-1]
	if parent == nil || parent.Kind != yaml.MappingNode {
		return fmt.Errorf("the pipeline has no %s that is an object", strings.Join(path[:len(path)-1], "."))
	}
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		return fmt.Errorf("writing %s: %w", strings.Join(path, "."), err)
	}
	if i, old := lookUp(parent, key); old != nil {
		parent.Content[i+1] = &node
		return nil
	}
	parent.Content = append(parent.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &node)
	return nil
}

// remove takes away what is at a path of keys, if anything.
func (p *pipeline) remove(path ...string) {
	parent := p.find(path[:len(path)-1]...)
	if parent == nil {
		return
	}
	if i, old := lookUp(parent, path[len(path)-1]); old != nil {
		parent.Content = append(parent.Content[:i], parent.Content[i+2:]...)
	}
}

func (p *pipeline) text() (string, error) {
	text, err := yaml.Marshal(p.root)
	return string(text), err
}

// prepare makes a pipeline read what is there and end. With files it reads these in place of its own paths.
func (p *pipeline) prepare(files []string) error {
	if err := p.set(true, "input", "csv_watch", "exit_after_read"); err != nil {
		return err
	}
	if len(files) > 0 {
		patterns := make([]string, len(files))
		for i, file := range files {
			patterns[i] = literal(file)
		}
		if err := p.set(patterns, "input", "csv_watch", "paths"); err != nil {
			return err
		}
	}
	return p.dropUnstorable()
}

// dropUnstorable lets go of rows that are refused and have no table to go to, which a watching pipeline tries again for
// ever. They are in the report.
func (p *pipeline) dropUnstorable() error {
	if p.find("output", "postgres_copy") == nil || p.find("output", "postgres_copy", "rejects") != nil {
		return nil
	}
	output := *p.find("output")
	if err := p.set(map[string]any{"fallback": []any{map[string]any{"drop": map[string]any{}}}}, "output"); err != nil {
		return err
	}
	outputs := p.find("output", "fallback")
	outputs.Content = append([]*yaml.Node{&output}, outputs.Content...)
	return nil
}

// output returns the path of the output that stores rows; nil when there is none.
func (p *pipeline) output() []string {
	if p.find("output", "postgres_copy") == nil {
		return nil
	}
	return []string{"output", "postgres_copy"}
}

// literal is a pattern that matches a file of this name and no other.
func literal(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`).Replace(path)
}
