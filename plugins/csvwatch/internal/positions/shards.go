package positions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
)

// shards is how many keys of a cache hold the positions: a cache cannot be listed, so the number is fixed.
const shards = 64

// KV is a cache: values by key, each replaced as a whole.
type KV interface {
	// Get returns ErrNoValue when the key has no value.
	Get(ctx context.Context, key string) ([]byte, error)
	Set(ctx context.Context, key string, value []byte) error
}

// ErrNoValue tells that a key has no value.
var ErrNoValue = errors.New("no value")

// Shards is a Store in a KV. Each of a fixed number of keys has the entries of some files. The files that come in one
// save go to the same key, the one that has the fewest, so that a save of many new files is one write.
type Shards struct {
	kv     KV
	prefix string
	lease  *Lease
	live   [shards]map[Channel]Entry
	home   map[Channel]int
	stale  map[int]bool // to be written, because the last try failed
	handed outstanding
}

// OpenShards makes a store of the keys prefix-00 to prefix-3f and prefix-handed. The lease must have been taken; Close releases it.
func OpenShards(kv KV, prefix string, lease *Lease) *Shards {
	return &Shards{kv: kv, prefix: prefix, lease: lease, home: map[Channel]int{}, stale: map[int]bool{}}
}

// Load implements Store.
func (s *Shards) Load(ctx context.Context, _ func() []Entry) ([]Entry, string, error) {
	var entries []Entry
	damaged := 0
	for n := range s.live {
		s.live[n] = map[Channel]Entry{}
		value, err := s.kv.Get(ctx, s.key(n))
		if errors.Is(err, ErrNoValue) {
			continue
		}
		if err != nil {
			return nil, "", fmt.Errorf("reading positions: %w", err)
		}
		if !s.parse(n, value) {
			damaged++
			s.stale[n] = true
		}
	}
	for n := range s.live {
		for _, e := range s.live[n] {
			entries = append(entries, e)
		}
	}
	handed, err := s.kv.Get(ctx, s.handedKey())
	if err != nil && !errors.Is(err, ErrNoValue) {
		return nil, "", fmt.Errorf("reading what was handed out: %w", err)
	}
	s.handed.load(handed, entries)
	if damaged > 0 {
		return entries, fmt.Sprintf("%d of the positions' values %s-xx in the cache are damaged or foreign: files that have no position elsewhere are read anew", damaged, s.prefix), nil
	}
	return entries, "", nil
}

// parse takes up one value; false when some of it is not what was written.
func (s *Shards) parse(n int, value []byte) bool {
	rest, whole := bytes.CutPrefix(value, []byte(journalHeader))
	if !whole {
		rest, whole = bytes.CutPrefix(value, []byte(journalHeader1))
	}
	for len(rest) > 0 {
		line, next, ended := bytes.Cut(rest, []byte{'\n'})
		rest = next
		c, ok := parseLine(line)
		if !ok || !ended || c.Entry == nil {
			whole = false
			continue
		}
		if _, twice := s.home[c.Channel]; twice {
			continue
		}
		s.live[n][c.Channel] = *c.Entry
		s.home[c.Channel] = n
	}
	return whole
}

// Save implements Store. It is as durable as the cache is.
func (s *Shards) Save(ctx context.Context, changed []Entry, gone []Channel) error {
	if err := s.lease.Renew(ctx); err != nil {
		return err
	}
	newcomers := -1
	for _, e := range changed {
		n, known := s.home[e.Channel]
		if !known {
			if newcomers < 0 {
				newcomers = s.emptiest()
			}
			n = newcomers
			s.home[e.Channel] = n
		}
		s.live[n][e.Channel] = e
		s.stale[n] = true
	}
	for _, c := range gone {
		if n, known := s.home[c]; known {
			delete(s.live[n], c)
			delete(s.home, c)
			s.stale[n] = true
		}
	}
	for n := range s.stale {
		if err := s.kv.Set(ctx, s.key(n), s.value(n)); err != nil {
			return fmt.Errorf("saving positions: %w", err)
		}
		delete(s.stale, n)
	}
	s.handed.settle(changed, gone)
	return nil
}

// Hand implements Store. It costs one write to the cache.
func (s *Shards) Hand(ctx context.Context, marks []Handed) error {
	_, err := s.handed.note(marks)
	var lines []byte
	if err == nil {
		lines, err = s.handed.lines()
	}
	if err == nil {
		err = s.kv.Set(ctx, s.handedKey(), lines)
	}
	if err != nil {
		return fmt.Errorf("noting what is handed out: %w", err)
	}
	return nil
}

func (s *Shards) emptiest() int {
	best := 0
	for n := range s.live {
		if len(s.live[n]) < len(s.live[best]) {
			best = n
		}
	}
	return best
}

func (s *Shards) value(n int) []byte {
	channels := make([]Channel, 0, len(s.live[n]))
	for c := range s.live[n] {
		channels = append(channels, c)
	}
	sort.Slice(channels, func(i, j int) bool { return bytes.Compare(channels[i][:], channels[j][:]) < 0 })
	value := []byte(journalHeader)
	for _, c := range channels {
		e := s.live[n][c]
		value, _ = appendLine(value, change{Entry: &e})
	}
	return value
}

// Close implements Store. It waits for a cache that does not answer no longer than until others would have the lease in
// any case.
func (s *Shards) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaseTime)
	defer cancel()
	return s.lease.Release(ctx)
}

func (s *Shards) handedKey() string { return s.prefix + "-handed" }

func (s *Shards) key(n int) string { return fmt.Sprintf("%s-%02x", s.prefix, n) }
