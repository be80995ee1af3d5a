// Package tsparseauto registers the Bloblang method ts_parse_auto, which parses
// timestamps in the formats that shops use, and recognises the format by itself.
package tsparseauto

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"

	"github.com/ecommerce-ingest/connect/internal/timetext"
)

const (
	methodName = "ts_parse_auto"
	paramTZ    = "tz"
)

//go:embed description.md
var description string

func init() {
	bloblang.MustRegisterMethodV2(methodName, methodSpec(), newMethod)
}

func methodSpec() *bloblang.PluginSpec {
	return bloblang.NewPluginSpec().
		Category("Timestamp Manipulation").
		Version("0.1.0").
		Static().
		Description(description).
		Param(bloblang.NewStringParam(paramTZ).
			Description("The time zone of timestamps that name none, such as `Europe/London`.").
			Default("UTC")).
		Example("Each form becomes the same kind of timestamp.",
			`root.at = this.at.ts_parse_auto()`,
			[2]string{`{"at":"2026-01-02T03:04:05.25+01:00"}`, `{"at":"2026-01-02T02:04:05.25Z"}`},
			[2]string{`{"at":"2026-01-02 03:04:05"}`, `{"at":"2026-01-02T03:04:05Z"}`},
			[2]string{`{"at":"2026-01-02 03:04:05 UTC"}`, `{"at":"2026-01-02T03:04:05Z"}`},
			[2]string{`{"at":"2026-01-02"}`, `{"at":"2026-01-02T00:00:00Z"}`},
			[2]string{`{"at":"1767323045"}`, `{"at":"2026-01-02T03:04:05Z"}`},
			[2]string{`{"at":1767323045123}`, `{"at":"2026-01-02T03:04:05.123Z"}`},
		).
		Example("Timestamps without a zone may be local time.",
			`root.at = this.at.ts_parse_auto(tz: "Europe/London")`,
			[2]string{`{"at":"2026-07-01 12:00"}`, `{"at":"2026-07-01T11:00:00Z"}`},
			[2]string{`{"at":"2026-07-01 12:00Z"}`, `{"at":"2026-07-01T12:00:00Z"}`},
		)
}

func newMethod(args *bloblang.ParsedParams) (bloblang.Method, error) {
	name, err := args.GetString(paramTZ)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("loading the time zone of %s: %w", methodName, err)
	}
	return inZone(zone), nil
}

// inZone returns the method for one time zone.
func inZone(zone *time.Location) bloblang.Method {
	return func(v any) (any, error) {
		t, err := parseValue(v, zone)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
}

// parseValue reads any value that Bloblang knows. Its result is in UTC.
func parseValue(v any, zone *time.Location) (time.Time, error) {
	switch v := v.(type) {
	case string:
		return timetext.Parse(v, zone)
	case []byte:
		return timetext.Parse(string(v), zone)
	case time.Time:
		return v.UTC(), nil
	case nil:
		return time.Time{}, timetext.NotATime("", "")
	case json.Number:
		return timetext.Parse(string(v), zone)
	case int64:
		return timetext.Parse(strconv.FormatInt(v, 10), zone)
	case int:
		return timetext.Parse(strconv.Itoa(v), zone)
	case uint64:
		return timetext.Parse(strconv.FormatUint(v, 10), zone)
	case float64:
		return timetext.Parse(strconv.FormatFloat(v, 'f', -1, 64), zone)
	case bool:
		return time.Time{}, timetext.NotATime(strconv.FormatBool(v), "")
	case map[string]any:
		return time.Time{}, errors.New("an object is not a time")
	case []any:
		return time.Time{}, errors.New("an array is not a time")
	}
	return time.Time{}, fmt.Errorf("a value of the type %T is not a time", v)
}
