package ecommerceevents

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fieldInterval   = "interval"
	fieldBatchSize  = "batch_size"
	fieldCount      = "count"
	fieldSeed       = "seed"
	fieldStartTime  = "start_time"
	fieldUsers      = "users"
	fieldProducts   = "products"
	fieldWeights    = "weights"
	fieldView       = "view"
	fieldAddToCart  = "add_to_cart"
	fieldRemove     = "remove_from_cart"
	fieldPurchase   = "purchase"
	fieldFaults     = "faults"
	fieldMalformed  = "malformed"
	fieldDuplicates = "duplicates"
	fieldLate       = "late"
)

const (
	maxUsers    = 10_000_000
	maxProducts = 1_000_000
)

// defaultGap is the mean time between events of a simulated clock if no interval
// is set.
const defaultGap = 10 * time.Millisecond

// The range of start_time, which UUIDs of version 7 and the nanoseconds of the
// simulated clock can both hold.
var (
	earliestStart = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latestStart   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// What is wrong with a configuration, and what to write instead. Each is both a
// lint rule and a check in Go.
const (
	errIntervalNegative  = "interval must not be negative: write a duration such as 5s, or '' for as fast as possible"
	errBatchSize         = "batch_size must be at least 1"
	errCount             = "count must not be negative: write 0 to never stop"
	errUsers             = "users must be from 1 to 10000000"
	errProducts          = "products must be from 1 to 1000000"
	errStartRange        = "start_time must lie from the year 1970 to the year 2199"
	errWeightRange       = "weights must be numbers from 0 to 1e9"
	errNoViews           = "weights.view must be above 0: every session begins with a view"
	errMoreAddsThanViews = "weights.add_to_cart must not exceed weights.view: a product is viewed before it is added to a cart"
	errMoreOutThanIn     = "weights.remove_from_cart and weights.purchase together must not exceed weights.add_to_cart: a product is added to a cart before it is removed or bought"
	errFaultRange        = "faults must be shares from 0 to 1, such as 0.01 for one message in a hundred"
	errFaultSum          = "faults must not add up to more than 1: a message has at most one fault"
)

// config is the parsed configuration.
type config struct {
	settings
	interval         time.Duration // 0: as fast as possible
	batchSize, count int
	autoReplayNacks  bool
}

func init() {
	service.MustRegisterBatchInput("ecommerce_events", spec(),
		func(parsed *service.ParsedConfig, _ *service.Resources) (service.BatchInput, error) {
			conf, err := configFromParsed(parsed)
			if err != nil {
				return nil, err
			}
			return newInput(conf), nil
		})
}

func configFromParsed(p *service.ParsedConfig) (c config, err error) {
	if c.interval, err = intervalFromParsed(p); err != nil {
		return c, err
	}
	for name, target := range map[string]*int{
		fieldBatchSize: &c.batchSize, fieldCount: &c.count, fieldUsers: &c.users, fieldProducts: &c.products,
	} {
		if *target, err = p.FieldInt(name); err != nil {
			return c, err
		}
	}
	seed, err := p.FieldInt(fieldSeed)
	if err != nil {
		return c, err
	}
	if c.seed = int64(seed); c.seed == 0 {
		c.seed = randomSeed()
	}
	if c.start, err = startFromParsed(p); err != nil {
		return c, err
	}
	for name, target := range map[string]*float64{
		fieldView: &c.weights[view], fieldAddToCart: &c.weights[addToCart],
		fieldRemove: &c.weights[removeFromCart], fieldPurchase: &c.weights[purchase],
	} {
		if *target, err = p.FieldFloat(fieldWeights, name); err != nil {
			return c, err
		}
	}
	for name, target := range map[string]*float64{
		fieldMalformed: &c.faults.malformed, fieldDuplicates: &c.faults.duplicates, fieldLate: &c.faults.late,
	} {
		if *target, err = p.FieldFloat(fieldFaults, name); err != nil {
			return c, err
		}
	}
	if c.autoReplayNacks, err = p.FieldBool(service.AutoRetryNacksToggleFieldName); err != nil {
		return c, err
	}
	if err = c.check(); err != nil {
		return c, err
	}
	switch {
	case c.interval > 0:
		c.meanGap = c.interval / time.Duration(c.batchSize)
	case !c.start.IsZero():
		c.meanGap = defaultGap
	}
	return c, nil
}

func intervalFromParsed(p *service.ParsedConfig) (time.Duration, error) {
	text, err := p.FieldString(fieldInterval)
	if err != nil || text == "" {
		return 0, err
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a duration such as 5s or 100ms; cron expressions are not supported, and '' means as fast as possible", fieldInterval, text)
	}
	return d, nil
}

func startFromParsed(p *service.ParsedConfig) (time.Time, error) {
	text, err := p.FieldString(fieldStartTime)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%s: %q is not a time in the format of RFC 3339, such as 2024-01-31T00:00:00Z, and '' means now", fieldStartTime, text)
	}
	return t, nil
}

// check repeats the lint rules, for configurations that were not linted.
func (c *config) check() error {
	switch {
	case c.interval < 0:
		return errors.New(errIntervalNegative)
	case c.batchSize < 1:
		return errors.New(errBatchSize)
	case c.count < 0:
		return errors.New(errCount)
	case c.users < 1 || c.users > maxUsers:
		return errors.New(errUsers)
	case c.products < 1 || c.products > maxProducts:
		return errors.New(errProducts)
	case !c.start.IsZero() && (c.start.Before(earliestStart) || !c.start.Before(latestStart)):
		return errors.New(errStartRange)
	}
	if err := c.checkWeights(); err != nil {
		return err
	}
	return c.faults.check()
}

func (c *config) checkWeights() error {
	w := c.weights
	for _, x := range w {
		if !(x >= 0 && x <= 1e9) {
			return errors.New(errWeightRange)
		}
	}
	switch {
	case w[view] == 0:
		return errors.New(errNoViews)
	case w[addToCart] > w[view]:
		return errors.New(errMoreAddsThanViews)
	case w[removeFromCart]+w[purchase] > w[addToCart]:
		return errors.New(errMoreOutThanIn)
	}
	return nil
}

func (f faultRates) check() error {
	for _, share := range []float64{f.malformed, f.duplicates, f.late} {
		if !(share >= 0 && share <= 1) {
			return errors.New(errFaultRange)
		}
	}
	if f.malformed+f.duplicates+f.late > 1 {
		return errors.New(errFaultSum)
	}
	return nil
}

// randomSeed returns a random seed other than 0.
func randomSeed() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return int64(binary.LittleEndian.Uint64(b[:])>>1) + 1
}
