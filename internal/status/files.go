package status

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// FileOutcome is what became of the rows of one file.
type FileOutcome struct {
	Path                                string
	Stored, Skipped, Filtered, Rejected int64
	Began, Ended                        time.Time // of its first and last commit
}

// followed are the outcomes of files. There are none until somebody asks for them, since there is one for each file.
type followed struct {
	mu     sync.Mutex
	byPath map[string]*FileOutcome
}

// FollowFiles has the outcome of each file kept from now on, until the end of the process. Call it before the first row.
func (b *Board) FollowFiles() {
	b.followed.mu.Lock()
	defer b.followed.mu.Unlock()
	if b.followed.byPath == nil {
		b.followed.byPath = map[string]*FileOutcome{}
	}
}

// FollowsFiles reports whether outcomes are kept. Inputs then make batches of the rows of one file.
func (b *Board) FollowsFiles() bool {
	b.followed.mu.Lock()
	defer b.followed.mu.Unlock()
	return b.followed.byPath != nil
}

// FileCommitted adds a batch to the outcome of a file.
func (b *Board) FileCommitted(path string, began time.Time, c Commit) {
	b.followed.mu.Lock()
	defer b.followed.mu.Unlock()
	f := b.followed.byPath[path]
	if f == nil {
		f = &FileOutcome{Path: path, Began: began}
		b.followed.byPath[path] = f
	}
	f.Stored += int64(c.Stored)
	f.Skipped += int64(c.SkippedKey + c.SkippedLedger)
	f.Filtered += int64(c.Filtered)
	f.Rejected += int64(c.Rejected)
	f.Ended = b.now()
}

// FileOutcomes returns the outcomes by path.
func (b *Board) FileOutcomes() []FileOutcome {
	b.followed.mu.Lock()
	defer b.followed.mu.Unlock()
	list := make([]FileOutcome, 0, len(b.followed.byPath))
	for _, f := range b.followed.byPath {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(x, y FileOutcome) int { return cmp.Compare(x.Path, y.Path) })
	return list
}
