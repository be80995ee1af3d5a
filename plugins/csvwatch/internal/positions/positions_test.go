package positions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

func someEntry(n int) Entry {
	return Entry{
		Channel: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, n)),
		File:    fileid.ID{Dev: 7, Ino: uint64(n)},
		Path:    fmt.Sprintf("in/%d.csv", n),
		Offset:  int64(n) * 100, Row: int64(n),
		Content: content.Check{End: int64(n) * 100, Sum: 1 << 63, Tail: 7}, Born: int64(n), Changed: 3, Layout: "utf-8",
		Whole: n%2 == 0, Size: int64(n) * 100, Modified: int64(n),
	}
}

// stores are the kinds of store, each over something that outlives it.
func stores(t *testing.T) map[string]func() Store {
	dir := t.TempDir()
	kv := &memoryKV{}
	return map[string]func() Store{
		"directory": func() Store {
			d, err := OpenDir(dir)
			require.NoError(t, err)
			return d
		},
		"cache": func() Store {
			lease := NewLease(kv, "p-owner")
			require.NoError(t, lease.Take(t.Context()))
			return OpenShards(kv, "p", lease)
		},
	}
}

func load(t *testing.T, s Store) (map[Channel]Entry, string) {
	t.Helper()
	entries, warning, err := s.Load(t.Context(), func() []Entry { return nil })
	require.NoError(t, err)
	require.Len(t, byChannel(entries), len(entries))
	return byChannel(entries), warning
}

func byChannel(entries []Entry) map[Channel]Entry {
	m := map[Channel]Entry{}
	for _, e := range entries {
		m[e.Channel] = e
	}
	return m
}

func TestAStoreGivesBackWhatWasSavedLast(t *testing.T) {
	t.Parallel()
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			want := map[Channel]Entry{}
			for range 20 {
				s := open()
				entries, warning, err := s.Load(t.Context(), func() []Entry { return slices.Collect(maps.Values(want)) })
				require.NoError(t, err)
				require.Empty(t, warning)
				got := byChannel(entries)
				require.Equal(t, want, got)
				for range 20 {
					var changed []Entry
					var gone []Channel
					for range r.IntN(5) {
						e := someEntry(r.IntN(500))
						e.Row += int64(r.IntN(1000))
						changed = append(changed, e)
						want[e.Channel] = e
					}
					for c := range want {
						if r.IntN(50) == 0 {
							gone = append(gone, c)
							delete(want, c)
						}
					}
					require.NoError(t, s.Save(t.Context(), changed, gone))
				}
				require.NoError(t, s.Close())
			}
		})
	}
}

func TestTheJournalIsReplacedWhenMostOfItIsHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := OpenDir(dir)
	require.NoError(t, err)
	var live []Entry
	_, _, err = d.Load(t.Context(), func() []Entry { return live })
	require.NoError(t, err)
	largest := int64(0)
	for n := range 400 {
		var all []Entry
		for i := range 20 {
			e := someEntry(i)
			e.Row = int64(n)
			all = append(all, e)
		}
		live = all
		require.NoError(t, d.Save(t.Context(), all, nil))
		largest = max(largest, d.size)
	}
	require.Less(t, largest, int64(2*compactAbove))
	require.Less(t, d.size, largest)
	require.NoError(t, d.Close())
	d, err = OpenDir(dir)
	require.NoError(t, err)
	got, warning := load(t, d)
	require.Empty(t, warning)
	require.Len(t, got, 20)
	require.Equal(t, int64(399), got[someEntry(9).Channel].Row)
	require.NoError(t, d.Close())
}

// TestAJournalCutAnywhereGivesBackAPrefix is a crash at any moment of an append.
func TestAJournalCutAnywhereGivesBackAPrefix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := OpenDir(dir)
	require.NoError(t, err)
	load(t, d)
	states := []map[Channel]Entry{{}}
	for n := range 6 {
		require.NoError(t, d.Save(t.Context(), []Entry{someEntry(n)}, nil))
		next := map[Channel]Entry{}
		for k, v := range states[n] {
			next[k] = v
		}
		next[someEntry(n).Channel] = someEntry(n)
		states = append(states, next)
	}
	require.NoError(t, d.Close())
	whole, err := os.ReadFile(filepath.Join(dir, journalName))
	require.NoError(t, err)
	for cut := len(whole); cut >= 0; cut -= 7 {
		torn := filepath.Join(t.TempDir(), "state")
		require.NoError(t, os.Mkdir(torn, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(torn, journalName), whole[:cut], 0o644))
		d, err := OpenDir(torn)
		require.NoError(t, err)
		got, warning := load(t, d)
		complete := bytes.Count(whole[:cut], []byte{'\n'}) - 1
		require.Equal(t, states[max(complete, 0)], got, "cut at %d", cut)
		if cut > 0 && whole[cut-1] != '\n' {
			require.NotEmpty(t, warning)
		}
		// And it can be worked with.
		require.NoError(t, d.Save(t.Context(), []Entry{someEntry(99)}, nil))
		require.NoError(t, d.Close())
		d, err = OpenDir(torn)
		require.NoError(t, err)
		got, warning = load(t, d)
		require.Empty(t, warning)
		require.Contains(t, got, someEntry(99).Channel)
		require.NoError(t, d.Close())
	}
}

func TestDamagedAndForeignLinesAreLeftOutWithOneWarning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, journalName)
	var text []byte
	for n := range 3 {
		e := someEntry(n)
		var err error
		text, err = appendLine(text, change{Entry: &e})
		require.NoError(t, err)
	}
	flipped := bytes.Clone(text)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		text    string
		entries int
		warning string
	}{
		"a flipped bit":      {journalHeader + string(flipped), 2, path + " has 1 damaged or foreign lines: they are left out, and files that have no other line there are read anew"},
		"another format":     {"version: 2\nfiles: []\n", 0, path + " has 2 damaged or foreign lines: they are left out, and files that have no other line there are read anew"},
		"zeros":              {string(make([]byte, 4096)), 0, "the last line of " + path + " was torn by a crash: it is left out"},
		"a long line":        {journalHeader + strings.Repeat("x", 3*longestLine) + "\n" + string(text), 3, path + " has 1 damaged or foreign lines: they are left out, and files that have no other line there are read anew"},
		"many zeros":         {journalHeader + string(text) + string(make([]byte, 3*longestLine)), 3, "the last line of " + path + " was torn by a crash: it is left out"},
		"zeros at the end":   {journalHeader + string(text) + string(make([]byte, 100)), 3, "the last line of " + path + " was torn by a crash: it is left out"},
		"an empty file":      {"", 0, ""},
		"no first line":      {string(text), 3, ""},
		"an unlikely number": {"00000000 {}\n", 0, path + " has 1 damaged or foreign lines: they are left out, and files that have no other line there are read anew"},
	} {
		require.NoError(t, os.WriteFile(path, []byte(c.text), 0o644), name)
		d, err := OpenDir(dir)
		require.NoError(t, err, name)
		got, warning := load(t, d)
		require.Len(t, got, c.entries, name)
		require.Equal(t, c.warning, warning, name)
		require.NoError(t, d.Close())
	}
}

func TestADirectoryIsForOneInstance(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := OpenDir(dir)
	require.NoError(t, err)
	_, err = OpenDir(dir)
	require.ErrorIs(t, err, ErrInUse)
	require.EqualError(t, err, "checkpoint directory "+dir+" is in use by another csv_watch: give each input a checkpoint_dir of its own")
	require.NoError(t, d.Close())
	d, err = OpenDir(dir)
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestAFailedSaveIsMadeUpForByTheNext(t *testing.T) {
	t.Parallel()
	kv := &memoryKV{}
	lease := NewLease(kv, "p-owner")
	require.NoError(t, lease.Take(t.Context()))
	s := OpenShards(kv, "p", lease)
	load(t, s)
	kv.fail = errors.New("no connection")
	require.EqualError(t, s.Save(t.Context(), []Entry{someEntry(1)}, nil), "saving positions: no connection")
	kv.fail = nil
	require.NoError(t, s.Save(t.Context(), nil, nil))
	again := OpenShards(kv, "p", lease)
	got, _ := load(t, again)
	require.Len(t, got, 1)
}

func TestATornCacheValueCostsOnlyItsLastLine(t *testing.T) {
	t.Parallel()
	kv := &memoryKV{}
	lease := NewLease(kv, "p-owner")
	require.NoError(t, lease.Take(t.Context()))
	s := OpenShards(kv, "p", lease)
	load(t, s)
	require.NoError(t, s.Save(t.Context(), []Entry{someEntry(1), someEntry(2), someEntry(3)}, nil))
	kv.values["p-00"] = kv.values["p-00"][:len(kv.values["p-00"])-5]
	got, warning := load(t, OpenShards(kv, "p", lease))
	require.Len(t, got, 2)
	require.Equal(t, "1 of the positions' values p-xx in the cache are damaged or foreign: files that have no position elsewhere are read anew", warning)
}

func TestManyNewFilesAreOneWrite(t *testing.T) {
	t.Parallel()
	kv := &memoryKV{}
	lease := NewLease(kv, "p-owner")
	require.NoError(t, lease.Take(t.Context()))
	s := OpenShards(kv, "p", lease)
	load(t, s)
	var many []Entry
	for n := range 1000 {
		many = append(many, someEntry(n))
	}
	kv.writes = 0
	require.NoError(t, s.Save(t.Context(), many, nil))
	require.Equal(t, 1, kv.writes)
}

// memoryKV is a cache.
type memoryKV struct {
	mu     sync.Mutex
	values map[string][]byte
	fail   error
	writes int
}

func (m *memoryKV) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.values[key]
	if !ok {
		return nil, ErrNoValue
	}
	return value, m.fail
}

func (m *memoryKV) Set(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if m.values == nil {
		m.values = map[string][]byte{}
	}
	m.writes++
	m.values[key] = bytes.Clone(value)
	return nil
}
