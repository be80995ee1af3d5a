package tests

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// quickly makes the rescan, which is the truth, come often: what is said at
// every look shows at once.
var quickly = []string{"--set", "input.csv_watch.poll_interval=20ms"}

func TestOddButValidFilesAreStored(t *testing.T) {
	t.Parallel()
	columns := strings.Split(rig.Header, ",")
	reversed := func(cells []string) string {
		out := make([]string, len(cells))
		for i, cell := range cells {
			out[len(cells)-1-i] = cell
		}
		return strings.Join(out, ",")
	}
	plain := func(n int) []string {
		return strings.Split(rig.EventID(n)+",1,,view,7,lamp,home,12.50,1,2026-01-02T03:04:05Z", ",")
	}
	files := map[string]string{ // two events each
		"extra-column.csv":     rig.Header + ",campaign\n" + rig.Record(0) + ",spring\n" + rig.Record(1) + ",\n",
		"other-order.csv":      reversed(columns) + "\n" + reversed(plain(2)) + "\n" + reversed(plain(3)) + "\n",
		"space.csv":            strings.ReplaceAll(rig.CSVFile(4, 6), ",", ", "),
		"separator.csv":        "sep=;\r\n" + strings.ReplaceAll(strings.ReplaceAll(rig.CSVFile(22, 24), "\"Lamp, ", "\"Lamp; "), ",", ";"),
		"byte-order-mark.csv":  "\ufeff" + rig.CSVFile(6, 8),
		"windows.csv":          strings.ReplaceAll(rig.CSVFile(8, 10), "\n", "\r\n"),
		"empty-lines.csv":      rig.Header + "\n\n" + rig.Record(10) + "\n\n\n" + rig.Record(11) + "\n\n",
		"no-final-newline.csv": strings.TrimSuffix(rig.CSVFile(12, 14), "\n"),
		"quoted-newline.csv":   rig.Header + "\n" + strings.Replace(rig.Records(14, 16), "big", "big\nand, bright", 2),
		"archive.csv.gz":       rig.Gzip(t, rig.CSVFile(16, 18)),
		"deep/er/down.csv":     rig.CSVFile(18, 20),
		"name with, äöü 灯.csv": rig.CSVFile(20, 22),
	}
	s := rig.NewSite(t)
	for name, content := range files {
		s.DropFile(name, content)
	}
	s.DropFile("empty.csv", "")
	s.DropFile("header-only.csv", rig.Header+"\n")
	s.DropFile("header-without-newline.csv", rig.Header)
	s.DropFile("not-ours.txt", rig.CSVFile(900, 910))
	p := s.PipelineWith(quickly)
	s.DB.AwaitStored(2 * len(files))

	// A file without rows may get some.
	s.Append("empty.csv", rig.CSVFile(100, 101))
	s.Append("header-only.csv", rig.Records(101, 102))
	s.Append("header-without-newline.csv", "\n"+rig.Records(102, 103))
	s.DB.AwaitStored(2*len(files) + 3)
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	s.DB.Require("Lamp, \"big\nand, bright\"", "SELECT product_name FROM user_events WHERE event_id = $1::uuid", rig.EventID(14))
	s.DB.Require("1", `SELECT count(*) FROM user_events WHERE extra = '{"campaign": "spring"}'`)
	require.Len(t, p.Complaints(), 2)
	require.Contains(t, p.Complaints()[0], `extra-column.csv is not as in expected_headers: it has \"campaign\" besides`)
	require.Contains(t, p.Complaints()[1], `no column for the field \"campaign\": they are kept in \"extra\" until it has`)
	p.Terminate()
	s.DB.Require("27", "SELECT count(*) FROM user_events")
}

func TestAMissingFolderIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	later := filepath.Join(s.EventsDir, "not", "yet")
	p := s.Pipeline("EVENTS_DIR=" + later)
	p.AwaitLine("active")
	s.DropFile("not/yet/a.csv", rig.CSVFile(0, 10))
	s.DB.AwaitStored(10)
	require.NoError(t, os.RemoveAll(filepath.Join(s.EventsDir, "not"))) // and goes again
	s.DropFile("not/yet/b.csv", rig.CSVFile(10, 20))
	s.DB.AwaitStored(20)
	p.RequireCalm(2)
	p.Terminate()
}

func TestADuplicateColumnIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.DropFile("twice.csv", strings.Replace(rig.CSVFile(0, 3), "session_id", "user_id", 1))
	p := s.PipelineWith(quickly)
	requireProgress(s, 5)
	requireLoggedOnce(t, p, "twice.csv", "user_id")
	s.DB.AwaitRejected(1)
	requireRefused(s, "twice.csv", `the header has "user_id" twice`)

	// It is read once it has been corrected.
	s.DropFile("twice.csv", rig.CSVFile(0, 3))
	s.DB.AwaitStored(5*10 + 3)
	p.Terminate()
}

//promise:header
func TestFilesOfAnotherKindAreRefused(t *testing.T) {
	t.Parallel()
	files := map[string]struct{ content, reason string }{
		"weather.csv":    {"day,rain\nMonday,3\nTuesday,0\n", "the first record has none of the expected_headers"},
		"typo.csv":       {strings.Replace(rig.CSVFile(0, 3), "price", "prize", 1), `it lacks "price"; has "prize" besides`},
		"semicolons.csv": {strings.ReplaceAll(rig.CSVFile(0, 3), ",", ";"), "Its cells seem to be separated by ';'"},
		"headless.csv":   {rig.Records(0, 3), "It looks like data, not like a header"},
		"preamble.csv":   {"Export of May\n\n" + rig.CSVFile(0, 3), "The header seems to be in line 3: set skip_rows to 2"},
		"workbook.csv":   {"PK\x03\x04" + strings.Repeat("\x00", 22) + "\x13\x00\x00\x00[Content_Types].xml" + strings.Repeat("\x00", 100), "an Excel workbook (.xlsx)"},
	}
	s := rig.NewSite(t)
	for name, f := range files {
		s.DropFile(name, f.content)
	}
	p := s.PipelineWith(quickly)
	requireProgress(s, 2)
	s.DB.AwaitRejected(len(files))
	for name, f := range files {
		requireRefused(s, name, f.reason)
		requireLoggedOnce(t, p, name, strings.ReplaceAll(f.reason, `"`, `\"`))
	}

	// A restart refuses them again without another rejection, and reads corrected files.
	p.Terminate()
	s.DropFile("typo.csv", rig.CSVFile(0, 3))
	p = s.PipelineWith(quickly)
	requireProgress(s, 3)
	s.DB.AwaitStored(3*10 + 3)
	p.Terminate()
	s.DB.Require(strconv.Itoa(len(files)), "SELECT count(*) FROM rejected_events")
}

// requireRefused checks that one rejection stands for a whole file.
func requireRefused(s *rig.Site, file, reason string) {
	s.T.Helper()
	rejected := s.DB.Rejected(filepath.Join(s.EventsDir, file))
	require.Len(s.T, rejected, 1, file)
	require.Equal(s.T, "parse", rejected[0].Stage)
	require.Contains(s.T, rejected[0].Reason, reason)
	require.EqualValues(s.T, 0, rejected[0].Row)
}

func TestADirectoryNamedLikeAFileIsSkipped(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	require.NoError(t, os.Mkdir(filepath.Join(s.EventsDir, "folder.csv"), 0o755))
	p := s.PipelineWith(quickly)
	requireProgress(s, 5)
	require.LessOrEqual(t, len(p.Lines(`folder\.csv`)), 1)
	s.DropFile("folder.csv/inside.csv", rig.CSVFile(5000, 5010)) // it is a folder like any other
	s.DB.AwaitStored(60)
	p.Terminate()
}

// requireProgress drops files of ten events, from number 1000 on, each after the one before
// has been stored.
func requireProgress(s *rig.Site, files int) {
	s.T.Helper()
	for n := range files {
		s.DropFile(rig.EventID(n)+".csv", rig.CSVFile(1000+10*n, 1010+10*n))
		s.DB.Await("10", "SELECT count(*) FROM user_events WHERE event_id BETWEEN $1::uuid AND $2::uuid", rig.EventID(1000+10*n), rig.EventID(1009+10*n))
	}
}

// requireLoggedOnce checks that a program logged a file once, with the reason.
func requireLoggedOnce(t testing.TB, p *rig.Program, file, matter string) {
	t.Helper()
	var lines []string
	for _, line := range p.Complaints() {
		if strings.Contains(line, file) {
			lines = append(lines, line)
		}
	}
	require.Len(t, lines, 1, "lines about %s", file)
	require.Contains(t, lines[0], matter)
}
