package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ecommerce-ingest/connect/config"
)

const (
	// startTimeout bounds the time until the pipeline is connected.
	startTimeout = time.Minute
	// stopTimeout bounds the time to stop a stream.
	stopTimeout = 30 * time.Second
	// drainTimeout is how long the demo waits without any event arriving before it
	// reports the rest as missing.
	drainTimeout = 20 * time.Second
)

// Options of a demo.
type Options struct {
	Duration time.Duration // how long events are generated; 0: until the context ends
	Rate     float64       // events per second, above 0
	Dir      string        // an empty or new folder in which to keep the files; "": a temporary one
	DSN      string        // the PostgreSQL to use; "": a throwaway one
}

func (o Options) validate() error {
	if _, err := scheduleOf(o.Rate); err != nil {
		return err
	}
	if err := checkDSN(o.DSN); err != nil {
		return err
	}
	return checkDir(o.Dir)
}

// demo is one run. undo holds its clean-up functions; outside holds those for what
// would outlive the process.
type demo struct {
	opts   Options
	screen *screen

	mu      sync.Mutex
	undo    []func(context.Context) error
	outside []func(context.Context) error
}

// run runs the demo. It returns an error if something could not be started or
// stopped; the summary reports whether all events arrived.
func (d *demo) run(ctx context.Context) (_ *Summary, err error) {
	defer func() { err = errors.Join(err, d.cleanUp(context.WithoutCancel(ctx))) }()

	store, err := d.openStore(ctx)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	scratch, err := store.server.Scratch()
	if err != nil {
		return nil, err
	}
	dir, err := makeWorkdir(d.opts.Dir, scratch)
	if err != nil {
		return nil, err
	}
	d.cleanOutside(func(context.Context) error { return dir.remove() })
	schedule, err := scheduleOf(d.opts.Rate)
	if err != nil {
		return nil, err
	}
	vars := dir.variables()
	vars["POSTGRES_DSN"] = store.dsn
	vars["GENERATOR_INTERVAL"] = schedule.interval.String()
	vars["GENERATOR_BATCH_SIZE"] = fmt.Sprint(schedule.batch)

	log, closeLog, err := newLogger(dir.logFile(), d.screen)
	if err != nil {
		return nil, err
	}
	d.cleanLater(func(context.Context) error { return closeLog() })

	meter, err := startMeter(dir.events(), store)
	if err != nil {
		return nil, err
	}
	d.cleanLater(func(context.Context) error { meter.close(); return nil })

	pipeline, err := startStream(config.Files, "pipeline.yaml", vars, log)
	if err != nil {
		return nil, err
	}
	d.cleanLater(pipeline.stop)
	page, err := pipeline.showLive()
	if err != nil {
		return nil, err
	}
	d.cleanLater(func(context.Context) error { return page.Close() })
	if err := pipeline.awaitConnections(ctx); err != nil {
		return nil, interrupted(ctx, err)
	}
	shop, err := startStream(config.Files, "generator.yaml", vars, log)
	if err != nil {
		return nil, err
	}
	d.cleanLater(shop.stop)

	d.screen.greet(d.opts, store, dir, page.URL())
	began := time.Now()
	problems := d.watch(ctx, meter, shop, pipeline)
	open := time.Since(began)
	ctx = context.WithoutCancel(ctx)
	problems = append(problems, d.drain(ctx, meter, shop)...)
	if err := pipeline.stop(ctx); err != nil {
		return nil, err
	}
	check, err := store.check(ctx, meter.totals(), shop.written())
	if err != nil {
		return nil, err
	}
	return summarise(d.opts, open, meter.whole(open), append(problems, check...)), nil
}

// watch shows the numbers every second until the duration is over, the context ends
// or a stream ends.
func (d *demo) watch(ctx context.Context, meter *meter, shop, pipeline *stream) (problems []string) {
	if d.opts.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.opts.Duration)
		defer cancel()
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-shop.ended:
			return []string{fmt.Sprintf("the generator ended unexpectedly: %v", shop.err)}
		case <-pipeline.ended:
			return []string{fmt.Sprintf("the pipeline ended unexpectedly: %v", pipeline.err)}
		case <-second.C:
			d.screen.tick(meter.lastSecond())
		}
	}
}

// drain stops the generator and waits for its events.
func (d *demo) drain(ctx context.Context, meter *meter, shop *stream) (problems []string) {
	if err := shop.stop(ctx); err != nil {
		problems = append(problems, err.Error())
	}
	meter.sweep()
	stored, progress, shown := meter.stored(), time.Now(), time.Now()
	for !meter.settled() {
		time.Sleep(10 * time.Millisecond)
		if now := meter.stored(); now != stored {
			stored, progress = now, time.Now()
		}
		if time.Since(shown) >= time.Second {
			shown = time.Now()
			d.screen.tick(meter.lastSecond())
		}
		if time.Since(progress) > drainTimeout {
			return append(problems, meter.missing(ctx)...)
		}
	}
	return append(problems, meter.failed()...)
}

// cleanLater registers a clean-up function. The last one registered runs first.
func (d *demo) cleanLater(undo func(context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.undo = append(d.undo, undo)
}

// cleanOutside is cleanLater for what would outlive the process. The throwaway server
// does not: it has a watchdog.
func (d *demo) cleanOutside(undo func(context.Context) error) {
	d.cleanLater(undo)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outside = append(d.outside, undo)
}

func (d *demo) cleanUp(ctx context.Context) error {
	var errs []error
	for {
		d.mu.Lock()
		last := len(d.undo) - 1
		if last < 0 {
			d.mu.Unlock()
			return errors.Join(errs...)
		}
		undo := d.undo[last]
		d.undo = d.undo[:last]
		d.mu.Unlock()
		if err := undo(ctx); err != nil {
			errs = append(errs, err)
		}
	}
}

// abandon removes what would outlive the process, within the given time and while
// everything still runs. It is called before os.Exit; run cleans up nothing more
// after it.
func (d *demo) abandon(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	d.mu.Lock()
	outside := slices.Clone(d.outside)
	d.undo = nil
	d.mu.Unlock()
	slices.Reverse(outside)
	for _, undo := range outside {
		// The generator may be writing to the folder that is removed: retry.
		for range 3 {
			if undo(ctx) == nil {
				break
			}
		}
	}
}

// interrupted replaces the error of a start that the user cancelled.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("stopped before the demo began")
	}
	return err
}
