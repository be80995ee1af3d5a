package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// field is what a page shows of one field.
type field struct {
	service.TemplateDataPluginField

	Type     string // with what a list or a map is made of
	Advanced bool
	Required bool
	Parent   string   // the dotted name of the object that it stands in; empty at the top
	Examples []string // YAML
}

// specField is the part of a field's JSON form that the engine's template data
// leave out.
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

// fieldsOf gives the fields of a component, the nested ones after the one that
// they stand in, by their dotted names.
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

// flatten puts the fields into specs by the dotted names that the engine gives
// them. What stands inside an advanced field is advanced too.
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
