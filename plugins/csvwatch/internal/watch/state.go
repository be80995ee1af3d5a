package watch

import "time"

// A file has five independent states. All of them are guarded by Watcher.mu.

// activity is what is being done with a file.
type activity uint8

const (
	resting activity = iota // nothing until it changes or its timer rings
	queued                  // it waits for its time slice
	reading                 // a worker has it
)

// presence is whether a file was there when it was looked for last.
type presence uint8

const (
	present presence = iota // at its path; before the first scan of a run, it is expected there
	missing
	inodeReused // missing, and another file has its inode
)

// writer is what is known of the program that writes a file.
type writer uint8

const (
	active  writer = iota // it may write more
	renamed               // it has renamed the file, or set its times or permissions, after the last write
	paused                // it has not written for the quiet period
)

// failure is whether a file can be read.
type failure uint8

const (
	readable       failure = iota
	retrying               // the last attempt failed, and another one follows
	awaitingChange         // the last attempt failed, and another one makes sense only after a change
)

// saving is how far the identity of a file is saved.
type saving uint8

const (
	unsaved  saving = iota
	outdated        // an earlier one is saved; it must be replaced before more rows are emitted
	saved
)

func (f *file) isMissing() bool { return f.presence != present }

func (f *file) failed() bool { return f.failure != readable }

// writerDone reports whether the writer of f seems to be done with it. The lock is held.
func (f *file) writerDone() bool { return f.writer != active }

// wasWritten notes that f was seen to be written. The lock is held.
func (f *file) wasWritten(now time.Duration) {
	f.changed, f.writer = now, active
	f.failure = min(f.failure, retrying)
}
