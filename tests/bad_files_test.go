package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// quickly makes the rescan, which is the truth, come often: what is said at
// every look shows at once.
var quickly = []string{"--set", "input.csv_watch.poll_interval=20ms"}

func TestFilesThatAreOddButFineAreStored(t *testing.T) {
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
		"fewer-columns.csv":    "event_id,user_id,event_type,timestamp\n" + eventID(4) + ",1,view,1767323045\n" + eventID(5) + ",1,view,1767323045\n",
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

	// What had no rows yet may get some.
	s.appendTo("empty.csv", csvFile(100, 101))
	s.appendTo("header-only.csv", records(101, 102))
	s.appendTo("header-without-newline.csv", "\n"+records(102, 103))
	s.db.awaitStored(2*len(files) + 3)
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	s.db.require("Lamp, \"big\nand, bright\"", "SELECT product_name FROM user_events WHERE event_id = $1::uuid", eventID(14))
	require.Empty(t, p.complaints())
	p.terminate()
	s.db.require("25", "SELECT count(*) FROM user_events")
}

func TestAFolderThatDoesNotExistYetIsWaitedFor(t *testing.T) {
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

func TestAFileWhoseHeaderNamesAColumnTwiceIsToldOnceAndLeft(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dropFile("twice.csv", strings.Replace(csvFile(0, 3), "session_id", "user_id", 1))
	p := s.pipelineWith(quickly)
	s.goesOn(p, 5)
	requireToldOnce(t, p, "twice.csv", "user_id")
	s.db.require("0", "SELECT count(*) FROM rejected_events")

	// Once it is mended it is read.
	s.dropFile("twice.csv", csvFile(0, 3))
	s.db.awaitStored(5*10 + 3)
	p.terminate()
}

func TestAFileOfAnotherKindIsRejectedRowByRow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dropFile("weather.csv", "day,rain\nMonday,3\nTuesday,0\n")
	p := s.pipeline()
	s.goesOn(p, 2)
	s.db.awaitRejected(2)
	for i, r := range s.db.rejected(filepath.Join(s.events, "weather.csv")) {
		require.Equal(t, "mapping", r.Stage)
		require.Contains(t, r.Reason, "event_type is empty")
		require.EqualValues(t, i+1, r.Row)
		require.Equal(t, []string{"Monday,3", "Tuesday,0"}[i], r.Raw)
	}
	p.terminate()
}

func TestADirectoryThatIsNamedLikeAFileIsSkipped(t *testing.T) {
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

// goesOn drops one file after the other, each when the one before is stored:
// ten events each, from number 1000 on.
func (s *site) goesOn(p *program, files int) {
	s.t.Helper()
	for n := range files {
		s.dropFile(eventID(n)+".csv", csvFile(1000+10*n, 1010+10*n))
		s.db.await("10", "SELECT count(*) FROM user_events WHERE event_id BETWEEN $1::uuid AND $2::uuid", eventID(1000+10*n), eventID(1009+10*n))
	}
}

// requireToldOnce checks that a program complained of a file once, and that the
// one line tells what is the matter.
func requireToldOnce(t testing.TB, p *program, file, matter string) {
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
