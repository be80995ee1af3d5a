package watch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFinishedFileIsLoggedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.write("in/a.csv", "id,v\n1,a\n2\n3,c\n")
	w.expect("1,a", "!2", "3,c")
	require.Zero(t, w.log.count("info Finished"), "its writer may not be done with it; the log has:\n%s", w.log)
	w.beQuiet()
	require.Equal(t, 1, w.log.count("/in/a.csv: 3 rows, 1 bad record, 0."), "the log has:\n%s", w.log)
	w.append("in/a.csv", "4,d\n")
	w.expect("4,d")
	w.beQuiet()
	require.Equal(t, 1, w.log.count("info Finished"))

	// A file that was renamed into place is finished as soon as its rows are acknowledged.
	w.do("hold", nil)
	w.write("b", "id,v\n1,a\n")
	w.do("age", []string{"b", "1m"})
	w.rename("b", "in/b.csv")
	w.settle()
	require.Equal(t, 1, w.log.count("info Finished"))
	w.releaseHeld()
	w.settle()
	require.Equal(t, 1, w.log.count("/in/b.csv: 1 row, 0 bad records, 0."), "the log has:\n%s", w.log)
	require.Contains(t, w.log.String(), "debug Found "+w.path("in/b.csv")+": 9 bytes")
	require.Contains(t, w.log.String(), "debug Opened "+w.path("in/b.csv")+" at row 1")
}

func TestAFileFinishedAfterARestartLogsItsStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.write("in/a.csv", "id,v\n1,a\n2,b\n")
	w.expect("1,a", "2,b")
	w.close()
	w.append("in/a.csv", "3,c\n")
	w.start()
	w.expect("3,c")
	w.beQuiet()
	require.Equal(t, 1, w.log.count("/in/a.csv: 1 row from row 3 on, 0 bad records, 0."), "the log has:\n%s", w.log)
}

func TestAFloodOfLinesIsHeldBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	for n := range 200 {
		w.write("in/"+string(rune('a'+n%26))+"/"+string(rune('a'+n/26))+".csv", "id,id\n")
	}
	w.settle()
	require.Less(t, w.log.count("cannot be read"), 40)
	w.close()
	require.Equal(t, 1, w.log.count("more lines were held back; the newest is: "), "the log has:\n%s", w.log)
}
