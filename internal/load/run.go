package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/livepage"
	"github.com/ecommerce-ingest/connect/internal/status"
)

// options is what a load is to do.
type options struct {
	yaml    []byte
	files   []string      // in place of the pipeline's own paths, unless empty
	timeout time.Duration // how long the database may be out of reach
	log     *slog.Logger
	show    func(*status.Snapshot) // called about five times a second
	edit    func(*pipeline) error  // further changes of the pipeline; may be nil
	cleanUp func()                 // removes what was made for the load
	consume bool                   // the edited pipeline has no output: what comes out is counted
	env     *service.Environment   // of the components; nil: the global one
}

const (
	// stopTimeout bounds how long an interrupted load waits for the batches that are being written.
	stopTimeout = 15 * time.Second
	// giveUpTimeout bounds how long a load waits for an output that has not reached its database anyway.
	giveUpTimeout = time.Second
)

// run loads what is there. The report is there in any case; its outcome says how it went.
func run(ctx context.Context, o options) *Report {
	r := &Report{Files: []FileReport{}}
	began := time.Now()
	stream, err := o.build()
	if err != nil {
		r.Outcome, r.Problem = Failed, err.Error()
		return r
	}
	r.database = true // nothing else can fail from here on
	board := status.Of(stream.Resources())
	board.FollowFiles()
	boardCtx, stopBoard := context.WithCancel(context.Background())
	defer stopBoard()
	go board.Run(boardCtx)

	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	err = o.watch(ctx, board, ended, stream)
	r.collect(board, time.Since(began))
	switch {
	case errors.Is(err, context.Canceled):
		r.Outcome, r.Problem = Interrupted, "Interrupted: the next run goes on from here."
	case err != nil:
		r.Outcome, r.Problem = Failed, err.Error()
	default:
		r.conclude()
	}
	return r
}

// build makes a stream of the pipeline.
func (o *options) build() (stream *service.Stream, err error) {
	p, err := parsePipeline(o.yaml)
	if err != nil {
		return nil, err
	}
	if o.edit != nil {
		if err := o.edit(p); err != nil {
			return nil, err
		}
	}
	if err := p.prepare(o.files); err != nil {
		return nil, err
	}
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	builder := cmp.Or(o.env, service.GlobalEnvironment()).NewStreamBuilder()
	builder.SetSchema(livepage.Schema("", ""))
	builder.SetHTTPMux(http.NewServeMux()) // in place of a server: the pipeline may be running as well
	builder.SetLogger(o.log)
	if err := builder.SetYAML(text); err != nil {
		return nil, fmt.Errorf("reading the pipeline: %w", err)
	}
	if o.consume {
		board := func() *status.Board { return status.Of(stream.Resources()) }
		if err := builder.AddBatchConsumerFunc(consumer(board)); err != nil {
			return nil, fmt.Errorf("building the pipeline: %w", err)
		}
	}
	if stream, err = builder.Build(); err != nil {
		return nil, fmt.Errorf("building the pipeline: %w", err)
	}
	return stream, nil
}

// watch waits for the stream's end, shows how it goes, and ends it when the context is done or the database is out of
// reach for too long.
func (o *options) watch(ctx context.Context, board *status.Board, ended <-chan error, stream *service.Stream) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return errors.Join(stop(stream, ended, stopTimeout), context.Canceled)
		case <-tick.C:
			now := board.Snapshot(true)
			if o.show != nil {
				o.show(now)
			}
			if problem := unreachable(now, o.timeout); problem != nil {
				_ = stop(stream, ended, giveUpTimeout) // what it waits for does not come
				return problem
			}
		}
	}
}

// unreachable returns what keeps an output from its database for longer than the timeout; nil when nothing does.
func unreachable(s *status.Snapshot, timeout time.Duration) error {
	for _, out := range s.Outputs {
		if out.Up || out.Since < timeout.Seconds() {
			continue
		}
		if out.Problem == "" {
			return fmt.Errorf("the database could not be reached within %s", timeout)
		}
		return errors.New(out.Problem)
	}
	return nil
}

func stop(stream *service.Stream, ended <-chan error, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := stream.Stop(ctx); err != nil {
		return fmt.Errorf("stopping the pipeline: %w", err)
	}
	return <-ended
}
