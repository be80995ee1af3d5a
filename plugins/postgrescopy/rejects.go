package postgrescopy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/load"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

// rejectsConfig is where rejected rows are stored.
type rejectsConfig struct {
	table   string
	mapping *bloblang.Executor // nil: rejectedRow
}

// The stages at which a row is rejected.
const (
	stageParse    = "parse"
	stageMapping  = "mapping"
	stageDatabase = "database"
)

// stageOf returns the stage at which a rejection came about.
func stageOf(r pgerr.Rejection) string {
	switch r.Kind {
	case stageParse, stageMapping:
		return r.Kind
	}
	return stageDatabase
}

// failedRejection makes a rejection of the error that a message comes with.
func failedRejection(message *service.Message, err error) pgerr.Rejection {
	if reason, ok := message.MetaGet("csv_error"); ok && reason != "" {
		return pgerr.Rejection{Kind: stageParse, Message: reason}
	}
	return pgerr.Rejection{Kind: stageMapping, Message: inMapping.ReplaceAllString(err.Error(), "")}
}

// inMapping is what Bloblang puts in front of the words that a mapping throws.
var inMapping = regexp.MustCompile(`^failed assignment \(line [0-9]+\): `)

// maxRaw bounds, in bytes, what is stored of a rejected message.
const maxRaw = 64 << 10

// rejectRow returns a function that makes the row to store for a rejected message.
func (c *outputConfig) rejectRow(messages service.MessageBatch) func(int, pgerr.Rejection) copyrows.Values {
	return func(i int, r pgerr.Rejection) copyrows.Values {
		if c.rejects.mapping == nil {
			return copyrows.Values{Fields: rejectedRow(messages[i], r)}
		}
		message := messages[i].Copy()
		message.MetaSetMut("reject_stage", stageOf(r))
		message.MetaSetMut("reject_reason", storable(r.Error(), maxRaw))
		row, err := message.BloblangQuery(c.rejects.mapping)
		var value any
		if err == nil && row != nil {
			value, err = row.AsStructured()
		}
		if err != nil {
			return copyrows.Values{Err: pgerr.Rejection{Kind: stageMapping, Message: fmt.Sprintf("rejects.mapping: %v", err)}}
		}
		fields, ok := value.(map[string]any)
		if !ok {
			return copyrows.Values{Err: pgerr.Rejection{Kind: stageMapping, Message: fmt.Sprintf("rejects.mapping gave %s, and must give an object of columns", kindOf(value))}}
		}
		return copyrows.Values{Fields: fields}
	}
}

// rejectedRow is the row of a rejected message, unless a mapping makes it. It can be
// stored whatever the message holds.
func rejectedRow(message *service.Message, r pgerr.Rejection) map[string]any {
	raw := rawOf(message)
	fields := map[string]any{
		"id":          rejectID(message, raw).String(),
		"rejected_at": time.Now().UTC(),
		"stage":       stageOf(r),
		"reason":      storable(r.Error(), maxRaw),
		"raw":         storable(raw, maxRaw),
	}
	for column, names := range map[string][]string{
		"path": {"path", "kafka_topic"}, "channel": {"csv_channel"}, "header": {"header"},
	} {
		for _, name := range names {
			if value, ok := message.MetaGet(name); ok {
				fields[column] = storable(value, maxRaw)
				break
			}
		}
	}
	if text, ok := message.MetaGet("replay_of"); ok {
		if earlier, err := uuid.Parse(text); err == nil {
			fields["replay_of"] = earlier.String()
		}
	}
	for _, name := range []string{"csv_row", "kafka_offset"} {
		if value, ok := message.MetaGet(name); ok {
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				fields["row_number"] = n
				break
			}
		}
	}
	return fields
}

// rawOf returns a message as it came.
func rawOf(message *service.Message) string {
	if raw, ok := message.MetaGet("csv_raw"); ok {
		return raw
	}
	content, err := message.AsBytes()
	if err != nil {
		return ""
	}
	return string(content)
}

// rejectID is the same whenever the same message is rejected: it is made of the place
// that the message came from, or else of its content.
func rejectID(message *service.Message, raw string) uuid.UUID {
	if place := placeOf(message); place != "" {
		return uuid.NewSHA1(uuid.Nil, []byte(place))
	}
	return uuid.NewSHA1(uuid.Nil, []byte(raw))
}

// placeOf returns where a message came from, which no other message does, as far as
// its metadata tell.
func placeOf(message *service.Message) string {
	for _, names := range [][]string{
		{"csv_channel", "csv_row"},
		{"kafka_topic_id", "kafka_partition", "kafka_leader_epoch", "kafka_offset"}, // a topic that is created again has another ID
		{"kafka_topic", "kafka_partition", "kafka_offset"},
	} {
		parts := make([]string, 0, len(names))
		for _, name := range names {
			if value, ok := message.MetaGet(name); ok {
				parts = append(parts, value)
			}
		}
		if len(parts) == len(names) {
			return strings.Join(parts, "/")
		}
	}
	return ""
}

// storable writes bytes that PostgreSQL cannot store as \xNN, and leaves out what is
// beyond most bytes.
func storable(s string, most int) string {
	if len(s) <= most && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if b.Len()+max(size, 4) > most {
			b.WriteString("…")
			break
		}
		if (r == utf8.RuneError && size == 1) || r == 0 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// rejectLog sums up in the log which rows were rejected. Many goroutines may use it.
type rejectLog struct {
	warn func(format string, args ...any)

	mu     sync.Mutex
	last   time.Time
	timer  *time.Timer // set while something waits to be logged
	counts map[string]int
	newest string
}

// rejectLogEvery is how often at most rejections are logged.
const rejectLogEvery = 10 * time.Second

// add takes the rejected messages of a batch.
func (l *rejectLog) add(messages service.MessageBatch, b *load.Batch) {
	if len(b.Rejected) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[string]int{}
	}
	newest := -1
	for i, r := range b.Rejected {
		l.counts[stageOf(r)+": "+r.Kind]++
		newest = max(newest, i)
	}
	l.newest = b.Rejected[newest].Error() + rowOf(messages, newest)
	if wait := rejectLogEvery - time.Since(l.last); wait > 0 {
		if l.timer == nil {
			l.timer = time.AfterFunc(wait, l.flush)
		}
		return
	}
	l.write()
}

// flush logs what waits.
func (l *rejectLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.write()
}

func (l *rejectLog) write() {
	if len(l.counts) == 0 {
		return
	}
	total := 0
	kinds := make([]string, 0, len(l.counts))
	for kind, n := range l.counts {
		total += n
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(x, y string) int { return cmp.Or(l.counts[y]-l.counts[x], strings.Compare(x, y)) })
	for i, kind := range kinds {
		stage, cause, _ := strings.Cut(kind, ": ")
		if kinds[i] = fmt.Sprintf("%d at stage %s", l.counts[kind], stage); cause != stage {
			kinds[i] += " (" + cause + ")"
		}
	}
	l.warn("Rejected %d rows: %s. The newest: %s", total, strings.Join(kinds, ", "), l.newest)
	l.counts, l.last = nil, time.Now()
}

// returnedRows notes which messages were given back, to tell those that come again.
// Many goroutines may use it.
type returnedRows struct {
	mu    sync.Mutex
	times map[string]int
}

// maxReturned bounds how many rejections are known, and maxReturnPause how long one is
// held back.
const (
	maxReturned    = 1000
	maxReturnPause = 15 * time.Second
)

// pause returns how long to hold the rejection of a message back. A message of which
// it is not known whether it came before is not held back.
func (r *returnedRows) pause(message *service.Message) time.Duration {
	place := placeOf(message)
	if place == "" {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.times == nil || len(r.times) >= maxReturned {
		r.times = map[string]int{}
	}
	n := r.times[place]
	r.times[place]++
	if n == 0 {
		return 0
	}
	return min(250*time.Millisecond<<min(n, 10), maxReturnPause)
}
