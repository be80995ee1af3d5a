// Package kafkatest runs a real Kafka broker for tests, from the artifacts that
// Apache publishes for Maven.
//
// Brokers returns the addresses of a broker that all tests of a binary share;
// New starts one for a test that stops or breaks it. Where there is neither
// Java with Maven nor KAFKA_BROKERS, both skip the test.
package kafkatest

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BrokersVariable is the environment variable that names the brokers to test
// on, separated by commas.
const BrokersVariable = "KAFKA_BROKERS"

// shared is the broker of this test binary. It ends with the binary.
var shared = sync.OnceValues(func() (string, error) {
	if brokers := os.Getenv(BrokersVariable); brokers != "" {
		return brokers, nil
	}
	b, err := Start(context.Background(), Options{})
	if err != nil {
		return "", err
	}
	removeAtExit(b.dir, b.PID())
	return b.Address(), nil
})

// Brokers returns the addresses of the shared broker, separated by commas.
func Brokers(tb testing.TB) string {
	tb.Helper()
	brokers, err := shared()
	skipWithoutKafka(tb, err)
	return brokers
}

// New starts a broker for this test alone and removes it when the test ends.
func New(tb testing.TB, o Options) *Broker {
	tb.Helper()
	b, err := Start(tb.Context(), o)
	skipWithoutKafka(tb, err)
	tb.Cleanup(func() {
		if err := b.Remove(); err != nil {
			tb.Error(err)
		}
	})
	return b
}

func skipWithoutKafka(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, ErrMissing) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Admin returns a client for the brokers that is closed when the test ends.
func Admin(tb testing.TB, brokers string) *kadm.Client {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// NewTopic creates a topic with a name of its own, and deletes it when the test
// ends. Settings are those of the topic, such as "retention.ms", "1000".
func NewTopic(tb testing.TB, brokers string, partitions int32, settings ...string) string {
	tb.Helper()
	admin := Admin(tb, brokers)
	name := strings.NewReplacer("/", "_", " ", "_").Replace(tb.Name()) + time.Now().Format("-150405.000000")
	CreateTopic(tb, admin, name, partitions, settings...)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, _ = admin.DeleteTopics(ctx, name) // the broker may be gone already
	})
	return name
}

// CreateTopic creates a topic and waits until the broker knows it: it learns of
// it from the controller a moment later.
func CreateTopic(tb testing.TB, admin *kadm.Client, name string, partitions int32, settings ...string) {
	tb.Helper()
	configs := map[string]*string{}
	for i := 0; i < len(settings); i += 2 {
		configs[settings[i]] = &settings[i+1]
	}
	if _, err := admin.CreateTopic(tb.Context(), partitions, 1, configs, name); err != nil {
		tb.Fatalf("creating the topic %s: %v", name, err)
	}
	for {
		details, err := admin.ListTopics(tb.Context(), name)
		if err == nil && details.Error() == nil && len(details[name].Partitions) == int(partitions) {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-tb.Context().Done():
			tb.Fatalf("waiting for the topic %s: %v", name, tb.Context().Err())
		}
	}
}
