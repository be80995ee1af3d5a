package compose

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// prepare runs the script of the service prepare on these folders.
func prepare(t *testing.T, uid int, folders ...string) string {
	t.Helper()
	service := load(t).Services["prepare"]
	require.Equal(t, []string{"sh", "-eu", "-c"}, []string(service.Entrypoint))
	require.Equal(t, []string{"prepare", "/connect/data/events", "/connect/data/state"}, []string(service.Command[1:]))

	arguments := append([]string{"-eu", "-c", service.Command[0], service.Command[1]}, folders...)
	command := exec.CommandContext(t.Context(), "sh", arguments...)
	command.Env = append(os.Environ(), "CONNECT_UID="+strconv.Itoa(uid), "CONNECT_GID="+strconv.Itoa(uid))
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	return string(output)
}

func ownerAndMode(t *testing.T, folder string) (uid int, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(folder)
	require.NoError(t, err)
	return int(info.Sys().(*syscall.Stat_t).Uid), info.Mode().Perm()
}

func newFolder(t *testing.T, owner int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "with a space")
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.Chmod(folder, 0o755))
	if owner != os.Getuid() {
		if os.Getuid() != 0 {
			t.Skip("only root can change owners")
		}
		require.NoError(t, os.Chown(folder, owner, owner))
	}
	return folder
}

func TestAFolderOfTheRightUserIsUnchanged(t *testing.T) {
	t.Parallel()
	folder := newFolder(t, os.Getuid())
	assert.Empty(t, prepare(t, os.Getuid(), folder))
	owner, mode := ownerAndMode(t, folder)
	assert.Equal(t, os.Getuid(), owner)
	assert.Equal(t, os.FileMode(0o755), mode)
}

func TestAFolderOfRootGetsTheRightOwner(t *testing.T) {
	t.Parallel()
	first, second := newFolder(t, 0), newFolder(t, 0)
	assert.Empty(t, prepare(t, 1000, first, second))
	for _, folder := range []string{first, second} {
		owner, mode := ownerAndMode(t, folder)
		assert.Equal(t, 1000, owner)
		assert.Equal(t, os.FileMode(0o755), mode)
	}
}

func TestAFolderOfAnotherUserBecomesWritable(t *testing.T) {
	t.Parallel()
	folder := newFolder(t, 1234)
	assert.Contains(t, prepare(t, 1000, folder), "Set CONNECT_UID=1234 to avoid this.")
	owner, mode := ownerAndMode(t, folder)
	assert.Equal(t, 1234, owner)
	assert.Equal(t, os.FileMode(0o777), mode)
}
