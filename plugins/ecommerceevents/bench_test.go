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

// cpuTime returns the CPU time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkStreamIntoDrop runs a whole stream. Set GOMAXPROCS=1 to measure one
// core. On a busy machine, compare events/CPU-s rather than events/s.
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

// BenchmarkSimulation measures the simulation without messages.
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
