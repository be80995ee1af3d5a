package postgrescopy

import (
	"slices"
	"sync"
)

// job is one batch of messages on its way into the database.
type job struct {
	records []record
	parts   []*part

	// rejected are the messages that cannot be stored, and why. What was found
	// while encoding stands; what the server said stands once the rest has been
	// committed.
	rejected map[int]rejection

	marks   *marks       // nil without exactly_once
	repeats map[int]int  // messages whose offset stands on one before them
	done    map[int]bool // messages whose offset the ledger holds

	readLedger bool  // the ledger is to be read before anything more is sent
	reloaded   bool  // the tables were read again on suspicion
	judging    bool  // rows are to be judged one by one
	named      int   // rows rejected because the server named their line
	byServer   []int // the messages rejected for what the server said

	result result
}

// part is the rows of a job that go to one table.
type part struct {
	name     string
	messages []int // nil: all of the job's
	target   *target
	batch    *batch
	way      way // of an ignore or upsert
}

// result is what a job came to, for the metrics.
type result struct {
	written    int // rows that the table has taken
	duplicates int // rows that it had already, or that a later one replaced
	skipped    int // rows that the ledger had already
	bytes      int // of rows sent in the attempt that succeeded
}

var jobPool = sync.Pool{New: func() any { return &job{rejected: map[int]rejection{}} }}

// newJob takes a job from the pool. Give it back with release.
func newJob(messages int) *job {
	j := jobPool.Get().(*job)
	j.records = slices.Grow(j.records, messages)[:messages]
	return j
}

// leftOut says whether a message is not, or no longer, to be sent.
func (j *job) leftOut(message int) bool {
	if len(j.rejected) > 0 {
		if _, ok := j.rejected[message]; ok {
			return true
		}
	}
	if len(j.done) > 0 && j.done[message] {
		return true
	}
	if len(j.repeats) > 0 {
		_, ok := j.repeats[message]
		return ok
	}
	return false
}

// rejectByServer rejects a message for what the server said of its row.
func (j *job) rejectByServer(message int, r rejection) {
	j.rejected[message] = r
	j.byServer = append(j.byServer, message)
}

// acquit takes back what the server said of rows, to be judged anew.
func (j *job) acquit() {
	for _, message := range j.byServer {
		delete(j.rejected, message)
	}
	j.byServer = nil
}

// plan puts all rows that are to be sent into units, table by table.
func (j *job) plan(every bool) (units []planned, leftOut int) {
	for _, p := range j.parts {
		if p.batch == nil {
			continue
		}
		found, repeated := p.batch.plan(j.leftOut, every)
		leftOut += repeated
		for _, u := range found {
			units = append(units, planned{u, p, u.shape.stagedOnly || u.repeats})
		}
	}
	return units, leftOut
}

// planned is a unit, the part that it is of, and whether it is to be staged.
type planned struct {
	unit
	part   *part
	staged bool
}

// toMark are the offsets that a transaction deals with when it commits.
func (j *job) toMark() []channelRanges {
	if j.marks == nil {
		return nil
	}
	return j.marks.ranges(func(message int) bool {
		if _, rejected := j.rejected[message]; rejected {
			return false
		}
		_, repeats := j.repeats[message]
		return !repeats && !j.done[message]
	})
}

// release gives the job and its buffers back.
func (j *job) release() {
	for _, p := range j.parts {
		if p.batch != nil {
			p.batch.release()
		}
	}
	clear(j.records)
	clear(j.rejected)
	*j = job{records: j.records[:0], rejected: j.rejected}
	jobPool.Put(j)
}
