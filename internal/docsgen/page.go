package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

var (
	//go:embed page.md.tmpl
	pageText string
	//go:embed method.md.tmpl
	methodText string
	//go:embed index.md.tmpl
	indexText string

	functions = template.FuncMap{
		"markdown": toMarkdown,
		"cell":     tableCell,
		"trim":     strings.TrimSpace,
	}
	pageTemplate   = template.Must(template.New("page").Funcs(functions).Parse(pageText))
	methodTemplate = template.Must(template.New("method").Funcs(functions).Parse(methodText))
	indexTemplate  = template.Must(template.New("index").Funcs(functions).Parse(indexText))

	blankLines = regexp.MustCompile(`\n{3,}`)
)

// entry is a line of the index.
type entry struct{ Name, File, Type, Summary string }

// render returns the page of a component.
func render(view *service.ConfigView) (string, error) {
	data, err := view.TemplateData()
	if err != nil {
		return "", fmt.Errorf("reading the spec: %w", err)
	}
	data.CommonConfigYAML = showSecretsEmpty(data.CommonConfigYAML)
	data.AdvancedConfigYAML = showSecretsEmpty(data.AdvancedConfigYAML)
	fields, err := fieldsOf(view, data)
	if err != nil {
		return "", err
	}
	var categories []string
	if data.Categories != "" {
		if err := json.Unmarshal([]byte(data.Categories), &categories); err != nil {
			return "", fmt.Errorf("reading the categories: %w", err)
		}
	}
	return execute(pageTemplate, map[string]any{
		"Plugin":     data,
		"Categories": strings.Join(categories, ", "),
		"Fields":     fields,
	})
}

// renderMethod returns the page of a Bloblang method.
func renderMethod(view *bloblang.MethodView) (string, error) {
	data := view.TemplateData()
	return execute(methodTemplate, map[string]any{"Method": data, "Category": data.Categories[0]})
}

// showSecretsEmpty replaces the engine's placeholder for secrets, which users would
// copy, by an empty string.
func showSecretsEmpty(config string) string {
	return strings.ReplaceAll(config, "'!!!SECRET_SCRUBBED!!!'", `""`)
}

// renderIndex returns the page that lists the others.
func renderIndex(entries []entry) (string, error) {
	return execute(indexTemplate, entries)
}

// execute fills in a template and removes the repeated blank lines that its
// conditions leave.
func execute(t *template.Template, data any) (string, error) {
	var page strings.Builder
	if err := t.Execute(&page, data); err != nil {
		return "", fmt.Errorf("filling in the template: %w", err)
	}
	return strings.TrimSpace(blankLines.ReplaceAllString(page.String(), "\n\n")) + "\n", nil
}
