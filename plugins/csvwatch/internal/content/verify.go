package content

import (
	"errors"
	"io"
)

// Verification compares a file with what was consumed of it, in steps.
type Verification struct {
	hash *Hash
	want Check  // what was consumed
	more *Check // what was handed out beyond that, if it is known
	at   *Hash  // the hash at want.End
	bad  bool
}

// Verify begins to compare a file with want, and with more, which reaches farther, if it is not nil.
func Verify(want Check, more *Check) *Verification {
	if more != nil && more.End <= want.End {
		more = nil
	}
	return &Verification{hash: NewHash(), want: want, more: more}
}

// Adopt begins to hash the first bytes of a file that is known to be the one that end is a place in.
func Adopt(end int64) *Verification { return &Verification{hash: NewHash(), want: Check{End: end}} }

// Step goes through up to most more bytes of src and reports whether the comparison is complete.
func (v *Verification) Step(src io.ReaderAt, most int64) (done bool, err error) {
	end := v.want.End
	if v.at != nil {
		end = v.more.End
	}
	err = v.hash.readUpTo(src, min(end, v.hash.end+most))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		v.bad = true
		return true, nil
	}
	if err != nil || v.hash.end < end {
		return false, err
	}
	switch {
	case v.at != nil:
		v.bad = v.hash.Check() != *v.more
	case v.want.Sum != 0 && v.hash.Check() != v.want:
		v.bad = true
	default:
		v.at = v.hash.Clone()
		return v.more == nil, nil
	}
	return true, nil
}

// Holds reports, after the last step, whether the file has the bytes that were consumed and handed out.
func (v *Verification) Holds() bool { return !v.bad }

// Consumed returns the hash of what was consumed, after a verification that holds.
func (v *Verification) Consumed() *Hash { return v.at }

// Hashed is how many bytes were gone through.
func (v *Verification) Hashed() int64 { return v.hash.end }
