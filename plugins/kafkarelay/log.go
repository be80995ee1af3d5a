package kafkarelay

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// repeatAfter is the shortest time between two lines with the same message.
const repeatAfter = 30 * time.Second

// clientLog passes on what the Kafka client logs. The client logs
// every attempt; here each message is logged at most once per repeatAfter.
type clientLog struct {
	log  *service.Logger
	pace *pace
}

func newClientLog(log *service.Logger) *clientLog {
	return &clientLog{log: log, pace: newPace(repeatAfter)}
}

// Level implements kgo.Logger.
func (*clientLog) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log implements kgo.Logger. The texts are constants of the client's source.
func (l *clientLog) Log(level kgo.LogLevel, text string, pairs ...any) {
	omitted, due := l.pace.due(text, time.Now())
	if !due {
		return
	}
	var line strings.Builder
	line.WriteString("Kafka client: " + text)
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&line, ", %v: %v", pairs[i], pairs[i+1])
	}
	if omitted > 0 {
		fmt.Fprintf(&line, " (%d more since the last such line)", omitted)
	}
	if level == kgo.LogLevelError {
		l.log.Error(line.String())
		return
	}
	l.log.Warn(line.String())
}

// pace bounds how often each of a few texts is logged. It may be used from any
// goroutine.
type pace struct {
	every time.Duration

	mu   sync.Mutex
	said map[string]*saying
}

type saying struct {
	at      time.Time
	omitted int
}

func newPace(every time.Duration) *pace { return &pace{every: every, said: map[string]*saying{}} }

// due reports whether the text may be logged now, and how often it was left out
// since it was.
func (p *pace) due(text string, now time.Time) (omitted int, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.said[text]
	if last == nil {
		p.said[text] = &saying{at: now}
		return 0, true
	}
	if now.Sub(last.at) < p.every {
		last.omitted++
		return 0, false
	}
	omitted = last.omitted
	*last = saying{at: now}
	return omitted, true
}

// topicError explains why a topic cannot be used, and what to do.
func topicError(topic, field string, err error) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("there is no topic %s: create it (kafka-topics.sh --create --topic %s --partitions 12), or correct %q", topic, topic, field)
	}
	return fmt.Errorf("looking up the topic %s: %w", topic, err)
}
