package tests

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// quickly makes the rescan, which is the truth, come often: what is said at
// every look shows at once.
var quickly = []string{"--set", "input.csv_watch.poll_interval=20ms"}

func TestOddButValidFilesAreStored(t *testing.T) {
	t.Parallel()
	columns := strings.Split(header, ",")
	reversed := func(cells []string) string {
		out := make([]string, len(cells))
		for i, cell := range cells {
			out[len(cells)-1-i] = cell
		}
		return strings.Join(out, ",")
	}
	plain := func(n int) []string {
		return strings.Split(eventID(n)+",1,,view,7,lamp,home,12.50,1,2026-01-02T03:04:05Z", ",")
	}
	files := map[string]string{ // two events each
		"extra-column.csv":     header + ",campaign\n" + record(0) + ",spring\n" + record(1) + ",\n",
		"other-order.csv":      reversed(columns) + "\n" + reversed(plain(2)) + "\n" + reversed(plain(3)) + "\n",
		"space.csv":            strings.ReplaceAll(csvFile(4, 6), ",", ", "),
		"separator.csv":        "sep=;\r\n" + strings.ReplaceAll(strings.ReplaceAll(csvFile(22, 24), "\"Lamp, ", "\"Lamp; "), ",", ";"),
		"byte-order-mark.csv":  "\ufeff" + csvFile(6, 8),
		"windows.csv":          strings.ReplaceAll(csvFile(8, 10), "\n", "\r\n"),
		"empty-lines.csv":      header + "\n\n" + record(10) + "\n\n\n" + record(11) + "\n\n",
		"no-final-newline.csv": strings.TrimSuffix(csvFile(12, 14), "\n"),
		"quoted-newline.csv":   header + "\n" + strings.Replace(records(14, 16), "big", "big\nand, bright", 2),
		"archive.csv.gz":       gzipped(t, csvFile(16, 18)),
		"deep/er/down.csv":     csvFile(18, 20),
		"name with, äöü 灯.csv": csvFile(20, 22),
	}
	s := newSite(t)
	for name, content := range files {
		s.dropFile(name, content)
	}
	s.dropFile("empty.csv", "")
	s.dropFile("header-only.csv", header+"\n")
	s.dropFile("header-without-newline.csv", header)
	s.dropFile("not-ours.txt", csvFile(900, 910))
	p := s.pipelineWith(quickly)
	s.db.awaitStored(2 * len(files))

	// A file without rows may get some.
	s.appendTo("empty.csv", csvFile(100, 101))
	s.appendTo("header-only.csv", records(101, 102))
	s.appendTo("header-without-newline.csv", "\n"+records(102, 103))
	s.db.awaitStored(2*len(files) + 3)
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	s.db.require("Lamp, \"big\nand, bright\"", "SELECT product_name FROM user_events WHERE event_id = $1::uuid", eventID(14))
	s.db.require("1", `SELECT count(*) FROM user_events WHERE extra = '{"campaign": "spring"}'`)
	require.Len(t, p.complaints(), 2)
	require.Contains(t, p.complaints()[0], `extra-column.csv is not as in expected_headers: it has \"campaign\" besides`)
	require.Contains(t, p.complaints()[1], `no column for the field \"campaign\": they are kept in \"extra\" until it has`)
	p.terminate()
	s.db.require("27", "SELECT count(*) FROM user_events")
}

func TestAMissingFolderIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	later := filepath.Join(s.events, "not", "yet")
	p := s.pipeline("EVENTS_DIR=" + later)
	p.awaitLine("active")
	s.dropFile("not/yet/a.csv", csvFile(0, 10))
	s.db.awaitStored(10)
	require.NoError(t, os.RemoveAll(filepath.Join(s.events, "not"))) // and goes again
	s.dropFile("not/yet/b.csv", csvFile(10, 20))
	s.db.awaitStored(20)
	p.requireCalm(2)
	p.terminate()
}

func TestADuplicateColumnIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dropFile("twice.csv", strings.Replace(csvFile(0, 3), "session_id", "user_id", 1))
	p := s.pipelineWith(quickly)
	s.goesOn(p, 5)
	requireLoggedOnce(t, p, "twice.csv", "user_id")
	s.db.awaitRejected(1)
	s.requireRefused("twice.csv", `the header has "user_id" twice`)

	// It is read once it has been corrected.
	s.dropFile("twice.csv", csvFile(0, 3))
	s.db.awaitStored(5*10 + 3)
	p.terminate()
}

//promise:header
func TestFilesOfAnotherKindAreRefused(t *testing.T) {
	t.Parallel()
	files := map[string]struct{ content, reason string }{
		"weather.csv":    {"day,rain\nMonday,3\nTuesday,0\n", "the first record has none of the expected_headers"},
		"typo.csv":       {strings.Replace(csvFile(0, 3), "price", "prize", 1), `it lacks "price"; has "prize" besides`},
		"semicolons.csv": {strings.ReplaceAll(csvFile(0, 3), ",", ";"), "Its cells seem to be separated by ';'"},
		"headless.csv":   {records(0, 3), "It looks like data, not like a header"},
		"preamble.csv":   {"Export of May\n\n" + csvFile(0, 3), "The header seems to be in line 3: set skip_rows to 2"},
		"workbook.csv":   {"PK\x03\x04" + strings.Repeat("\x00", 22) + "\x13\x00\x00\x00[Content_Types].xml" + strings.Repeat("\x00", 100), "an Excel workbook (.xlsx)"},
	}
	s := newSite(t)
	for name, f := range files {
		s.dropFile(name, f.content)
	}
	p := s.pipelineWith(quickly)
	s.goesOn(p, 2)
	s.db.awaitRejected(len(files))
	for name, f := range files {
		s.requireRefused(name, f.reason)
		requireLoggedOnce(t, p, name, strings.ReplaceAll(f.reason, `"`, `\"`))
	}

	// A restart refuses them again without another rejection, and reads corrected files.
	p.terminate()
	s.dropFile("typo.csv", csvFile(0, 3))
	p = s.pipelineWith(quickly)
	s.goesOn(p, 3)
	s.db.awaitStored(3*10 + 3)
	p.terminate()
	s.db.require(strconv.Itoa(len(files)), "SELECT count(*) FROM rejected_events")
}

// requireRefused checks that one rejection stands for a whole file.
func (s *site) requireRefused(file, reason string) {
	s.t.Helper()
	rejected := s.db.rejected(filepath.Join(s.events, file))
	require.Len(s.t, rejected, 1, file)
	require.Equal(s.t, "parse", rejected[0].Stage)
	require.Contains(s.t, rejected[0].Reason, reason)
	require.EqualValues(s.t, 0, rejected[0].Row)
}

func TestADirectoryNamedLikeAFileIsSkipped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	require.NoError(t, os.Mkdir(filepath.Join(s.events, "folder.csv"), 0o755))
	p := s.pipelineWith(quickly)
	s.goesOn(p, 5)
	require.LessOrEqual(t, len(p.lines(`folder\.csv`)), 1)
	s.dropFile("folder.csv/inside.csv", csvFile(5000, 5010)) // it is a folder like any other
	s.db.awaitStored(60)
	p.terminate()
}

// goesOn drops files of ten events, from number 1000 on, each after the one before
// has been stored.
func (s *site) goesOn(p *program, files int) {
	s.t.Helper()
	for n := range files {
		s.dropFile(eventID(n)+".csv", csvFile(1000+10*n, 1010+10*n))
		s.db.await("10", "SELECT count(*) FROM user_events WHERE event_id BETWEEN $1::uuid AND $2::uuid", eventID(1000+10*n), eventID(1009+10*n))
	}
}

// requireLoggedOnce checks that a program logged a file once, with the reason.
func requireLoggedOnce(t testing.TB, p *program, file, matter string) {
	t.Helper()
	var lines []string
	for _, line := range p.complaints() {
		if strings.Contains(line, file) {
			lines = append(lines, line)
		}
	}
	require.Len(t, lines, 1, "lines about %s", file)
	require.Contains(t, lines[0], matter)
}
