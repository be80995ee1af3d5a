package ecommerceevents

import (
	_ "embed"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"
)

//go:embed description.md
var description string

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Utility").
		Summary("Simulates the event stream of an online shop, whose users view products, fill carts and buy.").
		Description(description).
		Fields(
			service.NewStringField(fieldInterval).
				Description("The time between batches, as a duration. With an empty string or `0s`, messages are generated as fast as they are consumed. Cron expressions are not supported. The rate does not drift; after a pause, at most one minute of missed batches is made up for.").
				Examples("5s", "100ms", "").
				Default("1s").
				LintRule(lintInterval),
			service.NewIntField(fieldBatchSize).
				Description("The number of messages in a batch.").
				Default(1).
				LintRule(`root = if this.number().catch(1) < 1 { [ `+strconv.Quote(errBatchSize)+` ] }`),
			service.NewIntField(fieldCount).
				Description("The number of messages, including faulty ones, after which the input ends. 0: never.").
				Default(0).
				LintRule(`root = if this.number().catch(0) < 0 { [ `+strconv.Quote(errCount)+` ] }`),
			service.NewIntField(fieldSeed).
				Description("The seed of the simulation. The same seed yields the same products, users and actions; together with `start_time`, all messages are identical. With 0, each run has a random seed.").
				Default(0),
			service.NewStringField(fieldStartTime).
				Description("The time of the first event, in the format of RFC 3339. A simulated clock then advances by `interval` / `batch_size` per event on average, or by 10 ms if no interval is set. If empty, events have the current time.").
				Examples("2024-01-31T00:00:00Z").
				Default("").
				LintRule(lintStartTime),
			service.NewIntField(fieldUsers).
				Description("The number of users, from 1 to 10,000,000. Each takes 12 bytes of memory, and about 250 bytes more during a session.").
				Default(10_000).
				LintRule(`let n = this.number().catch(1)
root = if $n < 1 || $n > 10000000 { [ `+strconv.Quote(errUsers)+` ] }`),
			service.NewIntField(fieldProducts).
				Description("The number of products, from 1 to 1,000,000. Each takes about 300 bytes of memory.").
				Default(1_000).
				LintRule(`let n = this.number().catch(1)
root = if $n < 1 || $n > 1000000 { [ `+strconv.Quote(errProducts)+` ] }`),
			weightsField(),
			faultsField(),
			service.NewAutoRetryNacksToggleField(),
		).
		Example("Files of events", "Writes a CSV file of ten events every five seconds for another pipeline to read.", `
input:
  ecommerce_events:
    interval: 5s
    batch_size: 10

output:
  csv_files:
    path: data/events/events-${! timestamp_unix_milli() }-${! uuid_v4() }.csv
    columns: [ event_id, user_id, session_id, event_type, product_id, product_name, category, price, quantity, timestamp ]
`).
		Example("The same million events every time", "With a seed and a start time, every run yields the same events: a data set for benchmarks and tests without a file. The events span about two hours and three quarters.", `
input:
  ecommerce_events:
    interval: ""
    batch_size: 1000
    count: 1000000
    seed: 42
    start_time: 2024-01-31T00:00:00Z

output:
  drop: {}
`).
		Example("Test a pipeline with bad data", "Generates a hundred messages per second, of which 1 % are malformed, 2 % repeat an earlier event and 1 % are late, and prints the faulty ones.", `
input:
  ecommerce_events:
    interval: 100ms
    batch_size: 10
    faults:
      malformed: 0.01
      duplicates: 0.02
      late: 0.01

pipeline:
  processors:
    - mapping: |
        root = if metadata("fault") == null {
          deleted()
        } else {
          this.assign({ "fault": metadata("fault") })
        }

output:
  stdout: {}
`)
}

// Lint rules use methods of the Bloblang core only: they are parsed when this
// package is initialised, perhaps before other packages have registered theirs.
var lintInterval = `let text = this.or("").string()
root = if $text.re_match("^-") {
  [ ` + strconv.Quote(errIntervalNegative) + ` ]
} else if $text != "" && $text != "0" && !$text.re_match("^\\+?(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$") {
  [ "interval must be a duration such as 5s or 100ms, or '' for as fast as possible; cron expressions are not supported" ]
}`

var lintStartTime = `let text = this.or("").string()
root = if $text != "" && !$text.re_match("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$") {
  [ "start_time must be in the format of RFC 3339, such as 2024-01-31T00:00:00Z, or '' for now" ]
} else if $text != "" && !$text.re_match("^(19[7-9]|20[0-9]|21[0-9])[0-9]-") {
  [ ` + strconv.Quote(errStartRange) + ` ]
}`

func weightsField() *service.ConfigField {
	return service.NewObjectField(fieldWeights,
		service.NewFloatField(fieldView).Description("The weight of views. Must be above 0.").Default(92.0),
		service.NewFloatField(fieldAddToCart).Description("The weight of additions to a cart. At most that of `view`.").Default(5.0),
		service.NewFloatField(fieldRemove).Description("The weight of removals from a cart.").Default(1.0),
		service.NewFloatField(fieldPurchase).Description("The weight of purchases of products in a cart. Together with `remove_from_cart` at most that of `add_to_cart`.").Default(2.0),
	).Description("The relative frequencies of the event types. The defaults are close to those in public logs of shops. Events that are impossible at the moment, such as a purchase while all carts are empty, are made up for later.").
		LintRule(lintWeights)
}

var lintWeights = `let view = this.view.number().catch(92)
let add = this.add_to_cart.number().catch(5)
let remove = this.remove_from_cart.number().catch(1)
let purchase = this.purchase.number().catch(2)
root = if [$view, $add, $remove, $purchase].any(w -> w < 0 || w > 1000000000) {
  [ ` + strconv.Quote(errWeightRange) + ` ]
} else if $view == 0 {
  [ ` + strconv.Quote(errNoViews) + ` ]
} else if $add > $view {
  [ ` + strconv.Quote(errMoreAddsThanViews) + ` ]
} else if $remove + $purchase > $add {
  [ ` + strconv.Quote(errMoreOutThanIn) + ` ]
}`

func faultsField() *service.ConfigField {
	return service.NewObjectField(fieldFaults,
		service.NewFloatField(fieldMalformed).Description("The share of messages with one invalid value, such as a price of `abc`, a timestamp of `yesterday`, or a NUL byte or invalid UTF-8 in a text. A pipeline must reject each.").Default(0.0),
		service.NewFloatField(fieldDuplicates).Description("The share of messages that repeat one of the last thousand or so good events, including its `event_id`.").Default(0.0),
		service.NewFloatField(fieldLate).Description("The share of messages whose `timestamp` is one hour to three days old.").Default(0.0),
	).Description("Shares, from 0 to 1, of faulty messages to test pipelines with. A message has at most one fault.").
		LintRule(lintFaults)
}

var lintFaults = `let shares = [ this.malformed, this.duplicates, this.late ].map_each(s -> s.number().catch(0))
root = if $shares.any(s -> s < 0 || s > 1) {
  [ ` + strconv.Quote(errFaultRange) + ` ]
} else if $shares.sum() > 1 {
  [ ` + strconv.Quote(errFaultSum) + ` ]
}`
