//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/internal/kafkatest"
)

// scaleCost is what one part of config/scale needed for all rows.
type scaleCost struct {
	Name          string  `json:"name"`
	WallSeconds   spread  `json:"wall_seconds"`
	RowsPerSecond float64 `json:"rows_per_second"`
	ClientMicros  spread  `json:"client_cpu_microseconds_per_row"`
	BrokerMicros  spread  `json:"broker_cpu_microseconds_per_row"`
	ServerMicros  spread  `json:"server_cpu_microseconds_per_row"`
	// WallToAlone is the median of the rounds' ratios to the pipeline without Kafka.
	WallToAlone spread `json:"wall_ratio_to_one_pipeline"`

	samples []scaleSample
}

type scaleSample struct {
	sample
	broker time.Duration
}

// scaleBench has what the measurements of config/scale share.
type scaleBench struct {
	*bench
	broker *kafkatest.Broker
	admin  *kadm.Client
	conn   *pgx.Conn
	topics int
	topic  string // of the round
	costs  []*scaleCost
}

// scalePartitions is how many partitions the topic has.
const scalePartitions = 6

const scaleTable = "events"

// measureScale measures the edge and the sinks apart and together, and how long
// rows take through Kafka. Without Java and Maven there is nothing to measure.
func (b *bench) measureScale(ctx context.Context, r *results, o options) error {
	broker, err := kafkatest.Start(ctx, kafkatest.Options{Optimize: true})
	if errors.Is(err, kafkatest.ErrMissing) {
		fmt.Fprintln(os.Stderr, "scale is not measured:", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = broker.Remove() }()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Address()))
	if err != nil {
		return err
	}
	defer client.Close()
	conn, err := pgx.Connect(ctx, b.dsn)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	s := &scaleBench{bench: b, broker: broker, admin: kadm.NewClient(client), conn: conn}
	for round := range o.rounds {
		if err := s.round(ctx, round+1, o.rounds); err != nil {
			return err
		}
	}
	s.summarise(r)
	for _, p := range paces {
		fmt.Fprintf(os.Stderr, "latency through Kafka at %d events/s, for %d s\n", p.files*p.rows, o.seconds)
		d, err := b.measureLatency(ctx, p, o.seconds, o.seed, s.follow)
		if err != nil {
			return fmt.Errorf("measuring latency through Kafka: %w", err)
		}
		r.ScaleLatency = append(r.ScaleLatency, d)
	}
	return nil
}

// round measures each part once.
func (s *scaleBench) round(ctx context.Context, round, rounds int) error {
	parts := []struct {
		name  string
		fresh bool // it needs an empty topic
		run   func(context.Context) (sample, error)
	}{
		{"without Kafka: one pipeline", false, s.alone},
		{"edge alone", true, s.edgeAlone},
		{"1 sink alone", false, func(ctx context.Context) (sample, error) { return s.sinks(ctx, 1) }},
		{"2 sinks alone, together", false, func(ctx context.Context) (sample, error) { return s.sinks(ctx, 2) }},
		{"3 sinks alone, together", false, func(ctx context.Context) (sample, error) { return s.sinks(ctx, 3) }},
		{"edge and 1 sink", true, s.both},
	}
	for i, part := range parts {
		if part.fresh {
			if err := s.newTopic(ctx); err != nil {
				return err
			}
		}
		cost, err := s.measure(ctx, part.run)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", part.name, err)
		}
		fmt.Fprintf(os.Stderr, "round %d of %d: %s: %.2f s\n", round, rounds, part.name, cost.Wall.Seconds())
		if round == 1 {
			s.costs = append(s.costs, &scaleCost{Name: part.name})
		}
		s.costs[i].samples = append(s.costs[i].samples, cost)
	}
	return nil
}

func (s *scaleBench) newTopic(ctx context.Context) error {
	s.topics++
	s.topic = fmt.Sprintf("events-%d", s.topics)
	_, err := s.admin.CreateTopic(ctx, scalePartitions, 1, nil, s.topic)
	return err
}

// measure runs one part with an empty table and adds what the servers used.
func (s *scaleBench) measure(ctx context.Context, run func(context.Context) (sample, error)) (cost scaleSample, err error) {
	if err := makeTables(ctx, s.conn, scaleTable, reference.columns, ""); err != nil {
		return cost, err
	}
	server, err := s.serverUsage(ctx, s.conn)
	if err != nil {
		return cost, err
	}
	broker, err := processCPU(s.broker.PID(), false)
	if err != nil {
		return cost, err
	}
	if cost.sample, err = run(ctx); err != nil {
		return cost, err
	}
	brokerAfter, err := processCPU(s.broker.PID(), false)
	if err != nil {
		return cost, err
	}
	serverAfter, err := s.serverUsage(ctx, s.conn)
	if err != nil {
		return cost, err
	}
	cost.Server, cost.broker = serverAfter.cpu-server.cpu, brokerAfter-broker
	return cost, nil
}

// together starts these pipelines and waits until all rows have been sent by
// them, summed up, or by the last of them.
func (s *scaleBench) together(ctx context.Context, summed bool, yamls ...func(address string) string) (total sample, err error) {
	began := time.Now()
	var all []*running
	defer func() {
		for _, r := range all {
			r.stop()
		}
	}()
	for _, yaml := range yamls {
		r, err := s.start(ctx, yaml)
		if err != nil {
			return total, err
		}
		all = append(all, r)
	}
	last := all[len(all)-1]
	err = last.await(ctx, fmt.Sprintf("%d rows", s.rows), func() bool {
		sent := 0
		for _, r := range all {
			if summed || r == last {
				sent += r.metric(ctx, "output_sent", "events")
			}
		}
		return sent >= s.rows
	})
	if err != nil {
		return total, err
	}
	total.Wall = time.Since(began)
	for _, r := range all {
		if err := r.end(); err != nil {
			return total, err
		}
		total.add(r.cmd.ProcessState)
	}
	return total, nil
}

func (s *scaleBench) start(ctx context.Context, yaml func(address string) string) (*running, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(s.dir, "scale-")
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	return start(ctx, dir, s.connect, address, yaml(address))
}

func (s *scaleBench) alone(ctx context.Context) (sample, error) {
	total, err := s.together(ctx, true, func(address string) string {
		return pipeline(address, watchInput(s.eight, filepath.Join(s.dir, fmt.Sprint("alone-", time.Now().UnixNano()))), s.storing(scaleTable, once))
	})
	if err != nil {
		return total, err
	}
	return total, check(ctx, s.conn, scaleTable, tally{stored: s.rows})
}

func (s *scaleBench) edgeAlone(ctx context.Context) (sample, error) {
	return s.together(ctx, true, s.edge(s.eight))
}

func (s *scaleBench) sinks(ctx context.Context, n int) (sample, error) {
	var yamls []func(string) string
	for range n {
		yamls = append(yamls, s.sink(fmt.Sprintf("sinks-%d", n), scaleTable, once))
	}
	total, err := s.together(ctx, true, yamls...)
	if err != nil {
		return total, err
	}
	return total, check(ctx, s.conn, scaleTable, tally{stored: s.rows})
}

func (s *scaleBench) both(ctx context.Context) (sample, error) {
	total, err := s.together(ctx, false, s.edge(s.eight), s.sink("both", scaleTable, once))
	if err != nil {
		return total, err
	}
	return total, check(ctx, s.conn, scaleTable, tally{stored: s.rows})
}

// follow starts an edge and a sink and returns once both are connected.
func (s *scaleBench) follow(ctx context.Context, _ *bench, folder, table string) (func(), error) {
	if err := s.newTopic(ctx); err != nil {
		return nil, err
	}
	edge, err := s.start(ctx, s.edge([]string{filepath.Join(folder, "*.csv")}))
	if err != nil {
		return nil, err
	}
	sink, err := s.start(ctx, s.sink("latency", table, ignore))
	if err != nil {
		edge.stop()
		return nil, err
	}
	stop := func() { edge.stop(); sink.stop() }
	return stop, errors.Join(edge.awaitReady(ctx), sink.awaitReady(ctx))
}

// once are the settings of a table without a key.
const once = `exactly_once:
  channel: ${! @csv_channel }
  offset_token: ${! @csv_row }`

const edgeFrame = `
http:
  address: %s
input:
%s
output:
  label: events
  kafka_relay:
    seed_brokers: [ %q ]
    topic: %s
metrics:
  prometheus: {}
logger:
  level: WARN
`

func (s *scaleBench) edge(files []string) func(address string) string {
	state := filepath.Join(s.dir, fmt.Sprint("edge-", s.topic))
	return func(address string) string {
		return fmt.Sprintf(edgeFrame, address, indent(watchInput(files, state), 2), s.broker.Address(), s.topic)
	}
}

func (s *scaleBench) sink(group, table, options string) func(address string) string {
	input := fmt.Sprintf(`kafka_relay:
  seed_brokers: [ %q ]
  topics: [ %s ]
  consumer_group: %s-%s`, s.broker.Address(), s.topic, s.topic, group)
	return func(address string) string {
		return pipeline(address, input, s.storing(table, options))
	}
}

// storing is the output of a pipeline.
func (s *scaleBench) storing(table, options string) string {
	return copyOutput(s.dsn, table, mapping(), options)
}

func (s *scaleBench) summarise(r *results) {
	for _, c := range s.costs {
		of := func(f func(scaleSample) time.Duration, unit float64) spread {
			values := make([]float64, len(c.samples))
			for i, sample := range c.samples {
				values[i] = f(sample).Seconds() * unit
			}
			return spreadOf(values)
		}
		perRow := 1e6 / float64(s.rows)
		c.WallSeconds = of(func(x scaleSample) time.Duration { return x.Wall }, 1)
		c.ClientMicros = of(func(x scaleSample) time.Duration { return x.Client }, perRow)
		c.BrokerMicros = of(func(x scaleSample) time.Duration { return x.broker }, perRow)
		c.ServerMicros = of(func(x scaleSample) time.Duration { return x.Server }, perRow)
		c.RowsPerSecond = float64(s.rows) / c.WallSeconds.Median
		ratios := make([]float64, len(c.samples))
		for i, sample := range c.samples {
			ratios[i] = sample.Wall.Seconds() / s.costs[0].samples[i].Wall.Seconds() // the pipeline without Kafka
		}
		c.WallToAlone = spreadOf(ratios)
	}
	r.Scale = s.costs
}
