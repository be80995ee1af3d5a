package postgrescopy

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// A tablespace on a file system of eight megabytes can be had only as root.
func TestATablespaceThatIsFullIsWaitedFor(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	server := postgrestest.NewServer(t, nil)
	db := openTestDB(t, server.DSN())
	owner, err := os.Stat(db.value("SHOW data_directory"))
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "tablespace")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.Remove(dir) })
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("mounting a small file system is not allowed here: %s", out)
	}
	t.Cleanup(func() { assert.NoError(t, exec.Command("umount", "-l", dir).Run()) })
	stat := owner.Sys().(*syscall.Stat_t)
	require.NoError(t, os.Chown(dir, int(stat.Uid), int(stat.Gid)))
	db.exec("CREATE TABLESPACE small LOCATION " + sqltext.Literal(dir))
	db.exec("CREATE TABLE v (v int PRIMARY KEY, pad text) TABLESPACE small; CREATE TABLE filler (v text) TABLESPACE small")
	db.exec("INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 6000)")

	o := db.connected("table: v\nwrite_mode: ignore")
	done := make(chan map[int]string)
	go func() { done <- o.write(wide(0, 15000)...) }()
	require.Eventually(t, func() bool { return strings.Contains(o.log.String(), "SQLSTATE 53100") }, patient, 5*time.Millisecond)
	db.exec("DROP TABLE filler")
	assert.Empty(t, <-done)
	assert.Equal(t, "15000", db.value("SELECT count(*) FROM v"))
}
