package kafkarelay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Fields of the connection, which input and output share.
const (
	fieldSeedBrokers    = "seed_brokers"
	fieldClientID       = "client_id"
	fieldTLS            = "tls"
	fieldSASL           = "sasl"
	fieldMechanism      = "mechanism"
	fieldUsername       = "username"
	fieldPassword       = "password"
	fieldMetadataMaxAge = "metadata_max_age"
)

const (
	mechanismNone     = "none"
	mechanismPlain    = "PLAIN"
	mechanismScram256 = "SCRAM-SHA-256"
	mechanismScram512 = "SCRAM-SHA-512"
)

const complaintNoBrokers = "seed_brokers must name at least one broker, such as localhost:9092"

// connection is the configuration for reaching the brokers.
type connection struct {
	brokers        []string
	clientID       string
	tls            *tls.Config // nil: no encryption
	mechanisms     []sasl.Mechanism
	metadataMaxAge time.Duration
}

func connectionFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldSeedBrokers).
			Description("Addresses of the first brokers to contact; the others are discovered. An item may hold several, separated by commas.").
			Examples([]string{"localhost:9092"}, []string{"kafka-1:9092,kafka-2:9092"}),
		service.NewStringField(fieldClientID).
			Description("The name of this client in the logs, metrics and quotas of the brokers.").
			Default("connect").
			Advanced(),
		service.NewTLSToggledField(fieldTLS),
		service.NewObjectListField(fieldSASL,
			service.NewStringAnnotatedEnumField(fieldMechanism, map[string]string{
				mechanismNone:     "No authentication.",
				mechanismPlain:    "User and password in plain text: use it only with `tls`.",
				mechanismScram256: "A challenge as in RFC 5802.",
				mechanismScram512: "A challenge as in RFC 5802.",
			}).Description("The authentication mechanism."),
			service.NewStringField(fieldUsername).Description("The user.").Default(""),
			service.NewStringField(fieldPassword).Description("The password of the user.").Default("").Secret(),
		).
			Description("Ways to authenticate. The first one that the broker supports is used.").
			Default([]any{}).
			Advanced(),
		service.NewDurationField(fieldMetadataMaxAge).
			Description("How often brokers, topics and partitions are looked up when nothing gives a reason to do so earlier. Partitions that were added are noticed within this time.").
			Default("1m").
			Advanced(),
	}
}

func connectionFromParsed(p *service.ParsedConfig) (c connection, err error) {
	brokers, err := p.FieldStringList(fieldSeedBrokers)
	if err != nil {
		return c, err
	}
	for _, entry := range brokers {
		for broker := range strings.SplitSeq(entry, ",") {
			if broker = strings.TrimSpace(broker); broker != "" {
				c.brokers = append(c.brokers, broker)
			}
		}
	}
	if len(c.brokers) == 0 {
		return c, errors.New(complaintNoBrokers)
	}
	if c.clientID, err = p.FieldString(fieldClientID); err != nil {
		return c, err
	}
	config, enabled, err := p.FieldTLSToggled(fieldTLS)
	if err != nil {
		return c, err
	}
	if enabled {
		c.tls = config
	}
	if c.metadataMaxAge, err = p.FieldDuration(fieldMetadataMaxAge); err != nil {
		return c, err
	}
	ways, err := p.FieldObjectList(fieldSASL)
	if err != nil {
		return c, err
	}
	for _, way := range ways {
		mechanism, err := mechanismFromParsed(way)
		if err != nil {
			return c, err
		}
		if mechanism != nil {
			c.mechanisms = append(c.mechanisms, mechanism)
		}
	}
	return c, nil
}

func mechanismFromParsed(p *service.ParsedConfig) (sasl.Mechanism, error) {
	mechanism, err := p.FieldString(fieldMechanism)
	if err != nil {
		return nil, err
	}
	user, err := p.FieldString(fieldUsername)
	if err != nil {
		return nil, err
	}
	password, err := p.FieldString(fieldPassword)
	if err != nil {
		return nil, err
	}
	if mechanism != mechanismNone && user == "" {
		return nil, fmt.Errorf("sasl with %s needs a username", mechanism)
	}
	switch mechanism {
	case mechanismPlain:
		return plain.Auth{User: user, Pass: password}.AsMechanism(), nil
	case mechanismScram256:
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism(), nil
	case mechanismScram512:
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism(), nil
	}
	return nil, nil
}

func (c *connection) options(log *service.Logger) []kgo.Opt {
	options := []kgo.Opt{
		kgo.SeedBrokers(c.brokers...),
		kgo.ClientID(c.clientID),
		kgo.SASL(c.mechanisms...),
		kgo.MetadataMaxAge(c.metadataMaxAge),
		kgo.MetadataMinAge(min(c.metadataMaxAge, 250*time.Millisecond)),
		kgo.WithLogger(newClientLog(log)),
		kgo.DisableClientMetrics(),
	}
	if c.tls != nil {
		options = append(options, kgo.DialTLSConfig(c.tls))
	}
	return options
}

// connectLimit bounds a first conversation with the brokers.
const connectLimit = 10 * time.Second

// open makes a client and returns the topics as they are now. A topic that does
// not exist is an error.
func (c *connection) open(ctx context.Context, options []kgo.Opt, field string, topics []string) (*kgo.Client, kadm.TopicDetails, error) {
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, nil, fmt.Errorf("setting up the Kafka client: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	if err := client.Ping(limited); err != nil {
		client.Close()
		return nil, nil, fmt.Errorf("connecting to Kafka at %s: %w", strings.Join(c.brokers, ", "), err)
	}
	details, err := kadm.NewClient(client).ListTopics(limited, topics...)
	if err != nil {
		client.Close()
		return nil, nil, fmt.Errorf("looking up topics: %w", err)
	}
	for _, topic := range topics {
		if err := details[topic].Err; err != nil {
			client.Close()
			return nil, nil, topicError(topic, field, err)
		}
	}
	return client, details, nil
}
