package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// field is what a page shows of a field.
type field struct {
	service.TemplateDataPluginField

	Type     string // including the type of the elements of a list or map
	Advanced bool
	Required bool
	Parent   string   // the dotted name of the object around it; empty at the top
	Examples []string // YAML
}

// specField is a field in the JSON form of a spec, with what the engine's template
// data lack.
type specField struct {
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	Kind       string      `json:"kind"`
	Parent     string      `json:"-"`
	IsAdvanced bool        `json:"is_advanced"`
	IsOptional bool        `json:"is_optional"`
	Default    *any        `json:"default"`
	Children   []specField `json:"children"`
}

// fieldsOf returns the fields of a component, each followed by the fields in it.
func fieldsOf(view *service.ConfigView, data service.TemplateDataPlugin) ([]field, error) {
	raw, err := view.FormatJSON()
	if err != nil {
		return nil, fmt.Errorf("reading the spec: %w", err)
	}
	var spec struct {
		Config specField `json:"config"`
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, fmt.Errorf("reading the spec: %w", err)
	}
	specs := map[string]specField{}
	flatten(specs, "", spec.Config.Children, false)

	fields := make([]field, 0, len(data.Fields))
	for _, f := range data.Fields {
		s, known := specs[f.FullName]
		if !known {
			return nil, fmt.Errorf("the field %s is missing in the spec's JSON form", f.FullName)
		}
		fields = append(fields, field{
			TemplateDataPluginField: f,
			Type:                    s.describeType(),
			Advanced:                s.IsAdvanced,
			Required:                s.Default == nil && !s.IsOptional && len(s.Children) == 0,
			Parent:                  s.Parent,
			Examples:                trimAll(f.ExamplesMarshalled),
		})
	}
	return fields, nil
}

// flatten adds the fields to specs by the engine's dotted names. The fields in an
// advanced field are advanced too.
func flatten(specs map[string]specField, path string, fields []specField, advanced bool) {
	for _, f := range fields {
		f.IsAdvanced = f.IsAdvanced || advanced
		f.Parent = strings.TrimSuffix(path, ".")
		name := path + f.Name
		specs[name] = f
		switch f.Kind {
		case "array":
			name += "[]"
		case "2darray":
			name += "[][]"
		case "map":
			name += ".<name>"
		}
		flatten(specs, name+".", f.Children, f.IsAdvanced)
	}
}

func (f specField) describeType() string {
	switch f.Kind {
	case "array":
		return "array of " + f.Type
	case "2darray":
		return "array of arrays of " + f.Type
	case "map":
		return "map of " + f.Type
	}
	return f.Type
}

func trimAll(snippets []string) []string {
	trimmed := make([]string, len(snippets))
	for i, snippet := range snippets {
		trimmed[i] = strings.TrimSpace(snippet)
	}
	return trimmed
}
