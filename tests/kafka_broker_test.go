//go:build unix

package tests

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ecommerce-ingest/connect/internal/kafkatest"
)

func TestRecordsThatRetentionDeletedAreReported(t *testing.T) {
	t.Parallel()
	r := newRelay(newSite(t), newBroker(t).Address(), 1, "segment.ms", "200")
	edge, sink := r.edge(), r.sink()
	r.dropFiles(1, 0, 100)
	r.awaitEvents(100)
	r.awaitDrained()
	sink.terminate() // the outage
	r.dropFiles(1, 100, 400)
	r.awaitProduced(400)
	r.setRetention("1000")
	await(t, "retention to pass", func() error {
		starts, err := r.admin.ListStartOffsets(t.Context(), r.topic)
		if start, _ := starts.Lookup(r.topic, 0); err == nil && start.Offset < 400 {
			err = fmt.Errorf("records from offset %d on are there", start.Offset)
		}
		return err
	})
	r.setRetention("-1")

	// Nothing is left to read, and what is missing is reported all the same.
	sink = r.sink()
	sink.awaitLine("level=error.*Records are missing: offsets 100 to 399 of " + regexp.QuoteMeta(r.topic) + "/0 were deleted before the consumer group")
	lost, err := sink.metric("kafka_relay_offsets_lost_total", "topic")
	require.NoError(t, err)
	require.EqualValues(t, 300, lost)
	r.dropFiles(1, 400, 500)
	r.awaitEvents(200)
	r.db.require("200", "SELECT count(*) FROM events_by_day")
	require.Len(t, sink.lines("Records are missing"), 1)
	edge.requireCalm(0)
}

// setRetention sets for how many milliseconds the topic keeps records, -1 for ever.
func (r *relay) setRetention(milliseconds string) {
	r.t.Helper()
	_, err := r.admin.AlterTopicConfigs(r.t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &milliseconds}}, r.topic)
	require.NoError(r.t, err)
}

//promise:secrets
func TestThePasswordOfKafkaIsNeverLogged(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery-staple"
	broker := kafkatest.New(t, kafkatest.Options{User: "shop", Password: secret})
	r := newRelay(newSite(t), broker.Address(), 2)
	r.brokers = broker.SecuredAddress()
	r.demandPassword(broker.Certificate())
	r.env = []string{"LOG_LEVEL=TRACE", "KAFKA_PASSWORD=" + secret}
	programs := []*program{r.edge(), r.sink()}
	r.dropFiles(2, 0, 1000)
	r.awaitEvents(1000)
	r.requireOnce(1000)

	r.env = []string{"LOG_LEVEL=TRACE", "KAFKA_PASSWORD=" + secret + "r"}
	programs = append(programs, r.sink())
	programs[2].awaitLine("level=error.*connecting to Kafka")
	programs = append(programs, r.scale("sink", "input.kafka_relay.sasl.0.mechanism=PLAIN"))
	programs[3].awaitLine("level=error.*connecting to Kafka")
	for _, p := range programs {
		p.kill()
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			require.NotContains(t, p.output.String(), form)
		}
		require.NotEmpty(t, p.lines("level=(debug|trace)"), "the level at which nothing may be said either")
		p.requireCalm(4)
	}
}

// demandPassword has the pipelines use TLS and a password, as their comments show.
func (r *relay) demandPassword(certificate []byte) {
	r.t.Helper()
	authority := filepath.Join(r.t.TempDir(), "ca.pem")
	require.NoError(r.t, os.WriteFile(authority, certificate, 0o600))
	for _, name := range []string{"edge", "sink"} {
		path := filepath.Join(r.config, "scale", name+".yaml")
		text, err := os.ReadFile(path)
		require.NoError(r.t, err)
		yaml := strings.NewReplacer(
			"# tls: { enabled: true }", fmt.Sprintf("tls: { enabled: true, root_cas_file: %q }", authority),
			"# sasl:", "sasl:",
			"#   - mechanism:", "  - mechanism:",
			"#     username: "+name, "    username: shop",
			"#     password:", "    password:",
		).Replace(string(text))
		require.NoError(r.t, os.WriteFile(path, []byte(yaml), 0o600))
	}
}
