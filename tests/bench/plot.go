//go:build linux

package main

import (
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours of the bars: ours and the others'.
var (
	oursColour   = color.RGBA{R: 0x1f, G: 0x6f, B: 0xeb, A: 0xff}
	othersColour = color.RGBA{R: 0x9a, G: 0xa4, B: 0xb2, A: 0xff}
)

// draw writes a bar chart of the rows per second of each way to load the reference data, as SVG or PNG by the path's
// extension.
func (r *results) draw(path string) error {
	var ways []*way
	for _, w := range r.Ways {
		if w.Data == reference.name {
			ways = append(ways, w)
		}
	}
	if len(ways) == 0 {
		return fmt.Errorf("drawing %s: no way to load the reference data was measured", path)
	}
	slices.Reverse(ways) // the first is drawn at the top
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%d rows into PostgreSQL, median of %d rounds", r.Rows, r.Rounds)
	p.X.Label.Text = "thousand rows per second"
	p.X.Min = 0
	names := make([]string, len(ways))
	for i, w := range ways {
		names[i] = w.Name
		bar, err := plotter.NewBarChart(plotter.Values{w.RowsPerSecond / 1000}, vg.Points(14))
		if err != nil {
			return fmt.Errorf("drawing %s: %w", path, err)
		}
		bar.Horizontal, bar.XMin, bar.LineStyle.Width, bar.Color = true, float64(i), 0, othersColour
		if w.Name == ours {
			bar.Color = oursColour
		}
		p.Add(bar)
	}
	p.NominalY(names...)
	if err := save(p, vg.Points(640), vg.Points(96+24*float64(len(ways))), path); err != nil {
		return fmt.Errorf("drawing %s: %w", path, err)
	}
	return nil
}

// margin keeps labels at the ends of the axes inside the picture.
const margin = 16

// save writes a plot with a margin.
func save(p *plot.Plot, width, height vg.Length, path string) error {
	canvas, err := draw.NewFormattedCanvas(width, height, strings.TrimPrefix(filepath.Ext(path), "."))
	if err != nil {
		return err
	}
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	p.Draw(draw.Crop(all, margin, -margin, margin, -margin))
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(file); err != nil {
		return errors.Join(err, file.Close())
	}
	return file.Close()
}
