// Package scrape reads single figures from the text in which Prometheus' clients export metrics.
package scrape

import (
	"fmt"
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Sum returns the sum of all series of a counter, gauge or untyped metric whose labels have the given values, and
// whether there is any. A nil map matches every series. It fails when the text cannot be parsed.
func Sum(text io.Reader, name string, labels map[string]string) (sum float64, found bool, err error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return 0, false, fmt.Errorf("parsing metrics: %w", err)
	}
	for _, m := range families[name].GetMetric() {
		if matches(m.GetLabel(), labels) {
			sum, found = sum+value(m), true
		}
	}
	return sum, found, nil
}

func matches(have []*dto.LabelPair, want map[string]string) bool {
	missing := len(want)
	for _, pair := range have {
		if v, ok := want[pair.GetName()]; ok && v == pair.GetValue() {
			missing--
		}
	}
	return missing == 0
}

// value returns a metric's number; those of the other types are zero.
func value(m *dto.Metric) float64 {
	return m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
}
