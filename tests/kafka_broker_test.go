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
	"github.com/ecommerce-ingest/connect/tests/rig"
)

func TestRecordsThatRetentionDeletedAreReported(t *testing.T) {
	t.Parallel()
	r := newRelay(rig.NewSite(t), newBroker(t).Address(), 1, "segment.ms", "200")
	edge, sink := r.edge(), r.sink()
	r.dropFiles(1, 0, 100)
	r.awaitEvents(100)
	r.awaitDrained()
	sink.Terminate() // the outage
	r.dropFiles(1, 100, 400)
	r.awaitProduced(400)
	r.setRetention("1000")
	rig.Await(t, "retention to pass", func() error {
		starts, err := r.admin.ListStartOffsets(t.Context(), r.topic)
		if start, _ := starts.Lookup(r.topic, 0); err == nil && start.Offset < 400 {
			err = fmt.Errorf("records from offset %d on are there", start.Offset)
		}
		return err
	})
	r.setRetention("-1")

	// Nothing is left to read, and what is missing is reported all the same.
	sink = r.sink()
	sink.AwaitLine("level=error.*Records are missing: offsets 100 to 399 of " + regexp.QuoteMeta(r.topic) + "/0 were deleted before the consumer group")
	lost, err := sink.Metric("kafka_relay_offsets_lost_total", "topic")
	require.NoError(t, err)
	require.EqualValues(t, 300, lost)
	r.dropFiles(1, 400, 500)
	r.awaitEvents(200)
	r.DB.Require("200", "SELECT count(*) FROM events_by_day")
	require.Len(t, sink.Lines("Records are missing"), 1)
	edge.RequireCalm(0)
}

// setRetention sets for how many milliseconds the topic keeps records, -1 for ever.
func (r *relay) setRetention(milliseconds string) {
	r.T.Helper()
	_, err := r.admin.AlterTopicConfigs(r.T.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &milliseconds}}, r.topic)
	require.NoError(r.T, err)
}

//promise:secrets
func TestThePasswordOfKafkaIsNeverLogged(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery-staple"
	broker := kafkatest.New(t, kafkatest.Options{User: "shop", Password: secret})
	r := newRelay(rig.NewSite(t), broker.Address(), 2)
	r.brokers = broker.SecuredAddress()
	r.demandPassword(broker.Certificate())
	r.env = []string{"LOG_LEVEL=TRACE", "KAFKA_PASSWORD=" + secret}
	programs := []*rig.Program{r.edge(), r.sink()}
	r.dropFiles(2, 0, 1000)
	r.awaitEvents(1000)
	r.requireOnce(1000)

	r.env = []string{"LOG_LEVEL=TRACE", "KAFKA_PASSWORD=" + secret + "r"}
	programs = append(programs, r.sink())
	programs[2].AwaitLine("level=error.*connecting to Kafka")
	programs = append(programs, r.scale("sink", "input.kafka_relay.sasl.0.mechanism=PLAIN"))
	programs[3].AwaitLine("level=error.*connecting to Kafka")
	for _, p := range programs {
		p.Kill()
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			require.NotContains(t, p.Output(), form)
		}
		require.NotEmpty(t, p.Lines("level=(debug|trace)"), "the level at which nothing may be said either")
		p.RequireCalm(4)
	}
}

// demandPassword has the pipelines use TLS and a password, as their comments show.
func (r *relay) demandPassword(certificate []byte) {
	r.T.Helper()
	authority := filepath.Join(r.T.TempDir(), "ca.pem")
	require.NoError(r.T, os.WriteFile(authority, certificate, 0o600))
	for _, name := range []string{"edge", "sink"} {
		path := filepath.Join(r.ConfigDir, "scale", name+".yaml")
		text, err := os.ReadFile(path)
		require.NoError(r.T, err)
		yaml := strings.NewReplacer(
			"# tls: { enabled: true }", fmt.Sprintf("tls: { enabled: true, root_cas_file: %q }", authority),
			"# sasl:", "sasl:",
			"#   - mechanism:", "  - mechanism:",
			"#     username: "+name, "    username: shop",
			"#     password:", "    password:",
		).Replace(string(text))
		require.NoError(r.T, os.WriteFile(path, []byte(yaml), 0o600))
	}
}
