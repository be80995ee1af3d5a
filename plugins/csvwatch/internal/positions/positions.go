// Package positions keeps, beyond the life of the process, how much of each file is done.
//
// Whatever a store gives back was checked: a value that was torn by a crash, that is missing or that somebody else
// wrote is left out with one warning, and the files that it spoke of are read anew.
package positions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/google/uuid"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// Channel is the lasting identity of one content: made once, durable before the first row is emitted, never used for
// another content.
type Channel = uuid.UUID

// Entry is what is kept of one content.
type Entry struct {
	Channel Channel   `json:"channel"`
	File    fileid.ID `json:"file"`
	Path    string    `json:"path"`
	// Offset and Row are how much is done, in bytes of decoded content and in data records.
	Offset int64 `json:"offset"`
	Row    int64 `json:"row"`
	// Check recognizes the content up to there.
	Check content.Check `json:"check"`
	// Whole tells that all was done when the file had this Size and modification time (nanoseconds since 1970), a last
	// record without line end included.
	Whole    bool  `json:"whole,omitempty"`
	Size     int64 `json:"size,omitempty"`
	Modified int64 `json:"modified,omitempty"`
}

// Store keeps entries. Its methods are for one goroutine at a time.
type Store interface {
	// Load gives all entries, and a warning in words when some of what was kept could not be used. From then on the store
	// may ask live, during Save, for all entries that are to be kept.
	Load(ctx context.Context, live func() []Entry) (entries []Entry, warning string, err error)
	// Save keeps the entries changed in place of those of the same channels, and forgets gone. When it returns nil
	// they are as durable as the store makes them; after an error any part of them may have been kept, and the same
	// call may be tried again. It is to be called from time to time even if there is nothing to save. The error wraps
	// ErrInUse when another instance has taken the store over, which is final.
	Save(ctx context.Context, changed []Entry, gone []Channel) error
	// Close frees the store for others.
	Close() error
}

// ErrInUse is returned when another csv_watch works on the same store.
var ErrInUse = errors.New("in use by another csv_watch")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// change is one line of a store's text: an entry, or the channel of one that is gone.
type change struct {
	*Entry
	Gone *Channel `json:"gone,omitempty"`
}

// appendLine writes one change: the checksum of its JSON in eight hexadecimal digits, a space, the JSON, a line end.
// A line is good by itself, so that a torn one costs no other.
func appendLine(dst []byte, c change) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return dst, fmt.Errorf("encoding a position: %w", err)
	}
	dst = fmt.Appendf(dst, "%08x ", crc32.Checksum(text, castagnoli))
	dst = append(dst, text...)
	return append(dst, '\n'), nil
}

// parseLine is the reverse of appendLine; false when the line is not one that it wrote.
func parseLine(line []byte) (c change, ok bool) {
	if len(line) < 10 || line[8] != ' ' {
		return c, false
	}
	var sum uint32
	for _, digit := range line[:8] {
		var v byte
		switch {
		case digit >= '0' && digit <= '9':
			v = digit - '0'
		case digit >= 'a' && digit <= 'f':
			v = digit - 'a' + 10
		default:
			return c, false
		}
		sum = sum<<4 | uint32(v)
	}
	text := line[9:]
	if crc32.Checksum(text, castagnoli) != sum {
		return c, false
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, false
	}
	return c, c.Gone != nil || (c.Entry != nil && c.Channel != Channel{})
}
