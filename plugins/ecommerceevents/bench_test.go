//go:build unix

package ecommerceevents

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// cpuTime is what this process has used of all cores.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkStreamIntoDrop runs the real stream. For the figure of one core run
// it with GOMAXPROCS=1 in the environment. On a machine that is busy with other
// things, events by CPU second tell more than events by second.
func BenchmarkStreamIntoDrop(b *testing.B) {
	for _, replay := range []bool{true, false} {
		b.Run(fmt.Sprintf("auto_replay_nacks=%v", replay), func(b *testing.B) {
			b.ReportAllocs()
			builder := service.NewStreamBuilder()
			if err := builder.SetYAML(fmt.Sprintf(`
input:
  ecommerce_events:
    interval: ""
    batch_size: 1000
    count: %d
    seed: 42
    auto_replay_nacks: %v
output:
  drop: {}
logger:
  level: OFF
`, b.N, replay)); err != nil {
				b.Fatal(err)
			}
			stream, err := builder.Build()
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			before := cpuTime(b)
			if err := stream.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(b.N)/(cpuTime(b)-before).Seconds(), "events/CPU-s")
		})
	}
}

// BenchmarkSimulation is the simulation alone, without messages.
func BenchmarkSimulation(b *testing.B) {
	b.ReportAllocs()
	sim := newSimulation(settings{
		seed: 42, users: 10_000, products: 1_000, weights: [kinds]float64{92, 5, 1, 2},
	}, time.Now)
	var rows []row
	b.ResetTimer()
	for n := b.N; n > 0; n -= 1000 {
		rows = sim.append(rows[:0], 1000)
	}
}
