package load

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/ecommerce-ingest/connect/internal/status"
)

// Outcome is how a load ended, and the exit code that says so.
type Outcome string

// The outcomes. A load that stored nothing new since all of it was there already is Stored.
const (
	Stored      Outcome = "stored"       // every row
	Rejected    Outcome = "rejected"     // some rows were rejected, all others are stored
	Failed      Outcome = "failed"       // wrong configuration, or the database was not reachable in time
	NothingDone Outcome = "nothing_done" // there was nothing to load
	Interrupted Outcome = "interrupted"  // the next load goes on where this one was
)

// ExitCode returns the exit code of an outcome.
func (o Outcome) ExitCode() int {
	switch o {
	case Stored:
		return 0
	case Rejected:
		return 1
	case Failed:
		return 2
	case NothingDone:
		return 3
	}
	return 130
}

// Report is what a load came to. Its JSON form is what --json prints.
type Report struct {
	Outcome Outcome `json:"outcome"`
	// Problem says why the outcome is Failed.
	Problem string       `json:"problem,omitempty"`
	Seconds float64      `json:"seconds"`
	Total   FileReport   `json:"total"`
	Files   []FileReport `json:"files"`
	// database is true when the outcome Failed is the database's doing.
	database bool
	// Rejections are the first that there were, at most 50 of them.
	Rejections []status.Rejection `json:"rejections,omitempty"`
	Unsendable
	nothing string // what the text says in place of a table where there was nothing to do
}

// Unsendable are the records that cannot be sent again, since not all of them was kept.
type Unsendable struct {
	// Unsent are the first of them, at most 50.
	Unsent      []RejectedRecord `json:"unsent,omitempty"`
	UnsentTotal int64            `json:"unsent_total,omitempty"`
}

// RejectedRecord is a record in the table of rejected ones.
type RejectedRecord struct {
	ID     string `json:"id"`
	Path   string `json:"path"`
	Row    int64  `json:"row"`
	Stage  string `json:"stage"`  // at which it was rejected
	Reason string `json:"reason"` // of the rejection, or why it cannot be sent again
}

// unsentKept bounds the records that are listed.
const unsentKept = 50

func (u *Unsendable) add(record RejectedRecord) {
	u.UnsentTotal++
	if len(u.Unsent) < unsentKept {
		u.Unsent = append(u.Unsent, record)
	}
}

func (u *Unsendable) write(out io.Writer) {
	for i, record := range u.Unsent {
		if i == reasonsShown {
			break
		}
		fmt.Fprintf(out, "not sent: %s, row %d: %s\n", record.Path, record.Row, record.Reason)
	}
	if more := u.UnsentTotal - reasonsShown; more > 0 {
		fmt.Fprintf(out, "not sent: %s more\n", humanize.Comma(more))
	}
}

// FileReport is what became of the rows of one file.
type FileReport struct {
	Path     string  `json:"path,omitempty"`
	Rows     int64   `json:"rows"`
	Stored   int64   `json:"stored"`
	Skipped  int64   `json:"skipped"`  // stored before
	Filtered int64   `json:"filtered"` // left out by the mapping
	Rejected int64   `json:"rejected"`
	Seconds  float64 `json:"seconds"`
}

func (r *Report) collect(board *status.Board, took time.Duration) {
	r.Seconds = took.Seconds()
	r.Files = []FileReport{}
	for _, f := range board.FileOutcomes() {
		file := FileReport{
			Path: f.Path, Stored: f.Stored, Skipped: f.Skipped, Filtered: f.Filtered, Rejected: f.Rejected,
			Rows: f.Stored + f.Skipped + f.Filtered + f.Rejected, Seconds: f.Ended.Sub(f.Began).Seconds(),
		}
		r.Files = append(r.Files, file)
		r.Total.Rows += file.Rows
		r.Total.Stored += file.Stored
		r.Total.Skipped += file.Skipped
		r.Total.Filtered += file.Filtered
		r.Total.Rejected += file.Rejected
	}
	r.Total.Seconds = r.Seconds
	r.Rejections = board.Snapshot(true).Newest
}

// conclude sets the outcome of a load that came to its end.
func (r *Report) conclude() {
	switch {
	case r.Total.Rejected > 0:
		r.Outcome = Rejected
	case r.Total.Rows == 0:
		r.Outcome = NothingDone
	default:
		r.Outcome = Stored
	}
}

func writeJSON(out io.Writer, report any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

// filesShown bounds the files that the text lists, reasonsShown the rejections.
const (
	filesShown   = 50
	reasonsShown = 5
)

func (r *Report) writeText(out io.Writer, verb string) error {
	if r.Outcome == Failed && len(r.Files) == 0 { // the table would be empty
		_, err := fmt.Fprintln(out, r.Problem)
		return err
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "rows\t%s\tskipped\tfiltered\trejected\tseconds\t  file\n", verb)
	for i, f := range r.Files {
		if i == filesShown {
			fmt.Fprintf(table, "\t\t\t\t\t\t  and %s more\n", humanize.Comma(int64(len(r.Files)-filesShown)))
			break
		}
		f.writeTo(table, f.Path)
	}
	if len(r.Files) != 1 {
		r.Total.writeTo(table, fmt.Sprintf("in %s files", humanize.Comma(int64(len(r.Files)))))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i, rejection := range r.Rejections {
		if i == reasonsShown {
			break
		}
		fmt.Fprintf(out, "rejected: %s, row %d (%s): %s\n", rejection.Path, rejection.Row, rejection.Stage, rejection.Reason)
	}
	r.Unsendable.write(out)
	if r.Problem != "" {
		fmt.Fprintln(out, r.Problem)
	}
	return nil
}

func (f *FileReport) writeTo(out io.Writer, name string) {
	n := humanize.Comma
	fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%.1f\t  %s\n", n(f.Rows), n(f.Stored), n(f.Skipped), n(f.Filtered), n(f.Rejected), f.Seconds, name)
}
