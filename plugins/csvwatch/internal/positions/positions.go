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
	Channel Channel `json:"channel"`
	// File, Born, Path, Size, Modified and Changed are how the file was when it was seen last or, with Whole, when it was
	// done; see fileid.Stat.
	File     fileid.ID `json:"file"`
	Born     int64     `json:"born,omitempty"`
	Path     string    `json:"path"`
	Size     int64     `json:"size,omitempty"`
	Modified int64     `json:"modified,omitempty"`
	Changed  int64     `json:"changed,omitempty"`
	// Whole reports that all was done, a last record without line end included.
	Whole bool `json:"whole,omitempty"`
	// Finishing reports that the file was about to be deleted or moved: what has its inode may be another file, unless it
	// is in the very same state.
	Finishing bool `json:"finishing,omitempty"`

	// Offset and Row are how much is done, in bytes of decoded content and in data records.
	Offset int64 `json:"offset"`
	Row    int64 `json:"row"`
	// Layout is how the bytes were read, which is the unit of Offset and Row; empty for entries of older versions.
	Layout string `json:"layout,omitempty"`
	// Content recognizes the bytes up to there.
	Content content.Check `json:"content,omitzero"`
	// Legacy does so in entries of older versions, which have no Content.
	Legacy *content.Legacy `json:"check,omitempty"`

	// Handed recognizes what was handed out, if it reaches beyond Content. Hand keeps it up to date.
	Handed content.Check `json:"handed,omitzero"`
}

// Handed is how far a content was handed out.
type Handed struct {
	Channel Channel `json:"channel"`
	content.Check
}

// Store keeps entries. Its methods are for one goroutine at a time, except that Hand may be called during Save.
type Store interface {
	// Load gives all entries, and a warning in words when some of what was kept could not be used. From then on the store
	// may ask live, during Save, for all entries that are to be kept.
	Load(ctx context.Context, live func() []Entry) (entries []Entry, warning string, err error)
	// Save keeps the entries changed in place of those of the same channels, and forgets gone. When it returns nil
	// they are as durable as the store makes them; after an error any part of them may have been kept, and the same
	// call may be tried again. It is to be called from time to time even if there is nothing to save. The error wraps
	// ErrInUse when another instance has taken the store over, which is final.
	Save(ctx context.Context, changed []Entry, gone []Channel) error
	// Hand keeps how far contents are about to be handed out. It survives the end of the process, but need not survive a
	// crash of the machine. Marks that reach no farther than a saved entry of their channel are dropped.
	Hand(ctx context.Context, marks []Handed) error
	// Close frees the store for others.
	Close() error
}

// ErrInUse is returned when another csv_watch works on the same store.
var ErrInUse = errors.New("in use by another csv_watch")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// change is one line of a store's text: an entry, the channel of one that is gone, or how far one was handed out.
type change struct {
	*Entry
	Gone *Channel `json:"gone,omitempty"`
	Out  *Handed  `json:"out,omitempty"`
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
	return c, c.Gone != nil || c.Out != nil || (c.Entry != nil && c.Channel != Channel{})
}
