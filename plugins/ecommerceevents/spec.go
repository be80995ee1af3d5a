package ecommerceevents

import "github.com/redpanda-data/benthos/v4/public/service"

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Utility").
		Summary("Simulates the event stream of an online shop: people who browse, fill carts and buy.").
		Description(description).
		Fields(
			service.NewStringField(fieldInterval).
				Description("The time between two batches, as a duration. An empty string or `0s` makes messages as fast as they are taken. Cron expressions are not supported. Batches are scheduled in whole intervals from the first one, so the long-run rate does not drift; after a standstill, at most one minute of missed batches is made up for.").
				Examples("5s", "100ms", "").
				Default("1s").
				LintRule(lintInterval),
			service.NewIntField(fieldBatchSize).
				Description("The number of messages in a batch.").
				Default(1).
				LintRule(`root = if this.number().catch(1) < 1 { [ "batch_size must be at least 1" ] }`),
			service.NewIntField(fieldCount).
				Description("The number of messages after which the input ends, faulty ones included. With 0 it never does.").
				Default(0).
				LintRule(`root = if this.number().catch(0) < 0 { [ "count must not be negative: write 0 to never stop" ] }`),
			service.NewIntField(fieldSeed).
				Description("Which shop this is: the same seed gives the same catalogue, the same people and the same choices. With `start_time` as well, all messages are the same byte for byte. With 0 each run is another shop.").
				Default(0),
			service.NewStringField(fieldStartTime).
				Description("When the first event happens, in the format of RFC 3339. From there on a simulated clock runs, by `interval` / `batch_size` an event on average, or by 10 ms when no interval is set. When empty, events happen when they are made, by the clock of the machine.").
				Examples("2024-01-31T00:00:00Z").
				Default("").
				LintRule(lintStartTime),
			service.NewIntField(fieldUsers).
				Description("How many people know the shop, from 1 to 10,000,000. Each takes 12 bytes of memory, and about 250 bytes more during a visit.").
				Default(10_000).
				LintRule(`let n = this.number().catch(1)
root = if $n < 1 || $n > 10000000 { [ "users must be from 1 to 10000000" ] }`),
			service.NewIntField(fieldProducts).
				Description("How many products the shop sells, from 1 to 1,000,000. Each takes about 300 bytes of memory.").
				Default(1_000).
				LintRule(`let n = this.number().catch(1)
root = if $n < 1 || $n > 1000000 { [ "products must be from 1 to 1000000" ] }`),
			weightsField(),
			faultsField(),
			service.NewAutoRetryNacksToggleField(),
		).
		Example("Files of events", "Writes a CSV file of ten events every five seconds into a folder, where another pipeline picks them up.", `
input:
  ecommerce_events:
    interval: 5s
    batch_size: 10

output:
  csv_files:
    path: data/events/events-${! timestamp_unix_milli() }-${! uuid_v4() }.csv
    columns: [ event_id, user_id, session_id, event_type, product_id, product_name, category, price, quantity, timestamp ]
`).
		Example("The same million events every time", "With a seed and a start time the events are the same on every run: a data set for benchmarks and for tests that needs no file. The simulated clock runs over about two hours and three quarters.", `
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
		Example("A test of what a pipeline does with bad data", "Makes a hundred messages a second, of which one in a hundred is malformed, two in a hundred repeat an earlier event and one in a hundred comes late, and shows the faulty ones.", `
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

const description = `
Events come from a simulation, not from independent random rows. A visit (` + "`session_id`" + `) belongs to one user, who looks at products, puts into the cart what was looked at, takes some of it out again, and buys what is in the cart. A visit ends after 30 minutes without an event. Users and products follow Zipf's law, so few of them make most of the traffic, and every user has a favourite category and a patience of their own.

## Messages

Each message is an object of ten strings, exactly as a CSV file would show them, with ` + "`\"\"`" + ` for what does not apply:

| Column | Value |
|---|---|
| ` + "`event_id`" + ` | a UUID of version 7, each above the one before |
| ` + "`user_id`" + `, ` + "`product_id`" + ` | whole numbers |
| ` + "`session_id`" + ` | a UUID |
| ` + "`event_type`" + ` | ` + "`view`, `add_to_cart`, `remove_from_cart` or `purchase`" + `, in mixed case as different clients send them |
| ` + "`product_name`, `category`" + ` | text, some of it with commas, quotes and letters beyond ASCII |
| ` + "`price`" + ` | the price of one piece with two decimals; empty for ` + "`remove_from_cart`" + ` |
| ` + "`quantity`" + ` | pieces, from 1 to 4; empty for ` + "`view`" + ` |
| ` + "`timestamp`" + ` | RFC 3339 with or without milliseconds and offset, ` + "`YYYY-MM-DD hh:mm:ss[.fff]`" + ` with a blank or a T (UTC), Unix seconds or Unix milliseconds |

Some formats of ` + "`timestamp`" + ` are cut to seconds. Where the exact moment matters, to measure latency for instance, the first 48 bits of ` + "`event_id`" + ` are the same moment in Unix milliseconds.

## Metadata

Faulty messages, and only they, have:

- ` + "`fault`" + `: ` + "`malformed`, `duplicate` or `late`" + `
- ` + "`fault_column`" + `: which column of a malformed message is damaged

## Delivery

Messages that fail downstream are sent again, unless ` + "`auto_replay_nacks`" + ` is false. What was made but not delivered when the process ends is gone: there is no shop to read it from again.`

// Lint rules use methods of the Bloblang core only: they are parsed when this
// package is initialised, which may be before the others are known.
const lintInterval = `let text = this.or("").string()
root = if $text.re_match("^-") {
  [ "interval must not be negative: write a duration such as 5s, or '' for as fast as possible" ]
} else if $text != "" && $text != "0" && !$text.re_match("^\\+?(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$") {
  [ "interval must be a duration such as 5s or 100ms, or '' for as fast as possible; cron expressions are not supported" ]
}`

const lintStartTime = `let text = this.or("").string()
root = if $text != "" && !$text.re_match("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$") {
  [ "start_time must be a time of RFC 3339 such as 2024-01-31T00:00:00Z, or '' for now" ]
} else if $text != "" && !$text.re_match("^(19[7-9]|20[0-9]|21[0-9])[0-9]-") {
  [ "start_time must lie from the year 1970 to the year 2199" ]
}`

func weightsField() *service.ConfigField {
	return service.NewObjectField(fieldWeights,
		service.NewFloatField(fieldView).Description("The weight of looking at a product. Must be above 0.").Default(92.0),
		service.NewFloatField(fieldAddToCart).Description("The weight of putting a product into the cart. At most that of `view`.").Default(5.0),
		service.NewFloatField(fieldRemove).Description("The weight of taking a product out of the cart.").Default(1.0),
		service.NewFloatField(fieldPurchase).Description("The weight of buying a product that is in the cart. Together with `remove_from_cart` at most that of `add_to_cart`.").Default(2.0),
	).Description("How often people do what, in any unit. The defaults are near what public logs of shops show. What cannot happen, such as a purchase while all carts are empty, is made up for as soon as it can.").
		LintRule(lintWeights)
}

const lintWeights = `let view = this.view.number().catch(92)
let add = this.add_to_cart.number().catch(5)
let remove = this.remove_from_cart.number().catch(1)
let purchase = this.purchase.number().catch(2)
root = if [$view, $add, $remove, $purchase].any(w -> w < 0 || w > 1000000000) {
  [ "weights must be numbers from 0 to 1e9" ]
} else if $view == 0 {
  [ "weights.view must be above 0: every session begins with a view" ]
} else if $add > $view {
  [ "weights.add_to_cart must not exceed weights.view: what goes into a cart was looked at first" ]
} else if $remove + $purchase > $add {
  [ "weights.remove_from_cart and weights.purchase together must not exceed weights.add_to_cart: what is removed or bought was put into a cart first" ]
}`

func faultsField() *service.ConfigField {
	return service.NewObjectField(fieldFaults,
		service.NewFloatField(fieldMalformed).Description("The share of messages with one damaged value, such as a price of `abc`, a timestamp of `yesterday`, a NUL byte or invalid UTF-8 in a text. A pipeline must reject each.").Default(0.0),
		service.NewFloatField(fieldDuplicates).Description("The share of messages that repeat one of the last thousand or so good events, `event_id` included.").Default(0.0),
		service.NewFloatField(fieldLate).Description("The share of messages whose `timestamp` lies one hour to three days back.").Default(0.0),
	).Description("Shares, from 0 to 1, of faulty messages, to test pipelines with. A message has one fault at most.").
		LintRule(lintFaults)
}

const lintFaults = `let shares = [ this.malformed, this.duplicates, this.late ].map_each(s -> s.number().catch(0))
root = if $shares.any(s -> s < 0 || s > 1) {
  [ "faults must be shares from 0 to 1, such as 0.01 for one message in a hundred" ]
} else if $shares.sum() > 1 {
  [ "faults must not add up to more than 1: a message has one fault at most" ]
}`
