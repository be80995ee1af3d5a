//go:build unix

package csvwatch

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ids waits until so many rows were printed and returns their ids, sorted.
func (c *child) ids(t *testing.T, n int) (ids []string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		lines := c.take(0)
		if len(lines) >= n {
			for _, line := range lines {
				ids = append(ids, line[strings.LastIndexByte(line, ' ')+1:])
			}
			slices.Sort(ids)
			return ids
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows came, not %d; the log has:\n%s", len(lines), n, &c.log)
		}
	}
}

// says waits until the log contains a text.
func (c *child) says(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(c.log.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say %q; it has:\n%s", text, &c.log)
		}
	}
}

// asNobody makes cmd run as an unprivileged user if the tests run as root.
func asNobody(t *testing.T, dir string) func(*exec.Cmd) {
	t.Helper()
	if os.Geteuid() != 0 {
		return func(*exec.Cmd) {}
	}
	const nobody = 65534
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		require.NoError(t, err)
		return os.Chown(path, nobody, nobody)
	}))
	// Only its owner can access the test binary.
	binary := filepath.Join(dir, "binary")
	src, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer src.Close()
	dst, err := os.OpenFile(binary, os.O_WRONLY|os.O_CREATE, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(dst, src)
	require.NoError(t, err)
	require.NoError(t, dst.Close())
	return func(cmd *exec.Cmd) {
		cmd.Path = binary
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

func TestAnUnreadableFileIsLoggedOnceAndReadLater(t *testing.T) {
	t.Parallel()
	for name, extra := range map[string]string{"notified": "", "polled": "  notify: false\n  poll_interval: 20ms\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			in := filepath.Join(dir, "in")
			require.NoError(t, os.MkdirAll(filepath.Join(in, "locked"), 0o755))
			file, folder := filepath.Join(in, "a.csv"), filepath.Join(in, "locked")
			require.NoError(t, os.WriteFile(file, []byte("id\n1\n"), 0o000))
			require.NoError(t, os.WriteFile(filepath.Join(folder, "b.csv"), []byte("id\n2\n"), 0o644))
			prepare := asNobody(t, dir)
			require.NoError(t, os.Chmod(folder, 0o000))
			t.Cleanup(func() { _ = os.Chmod(folder, 0o755) })

			c := startChild(t, childConfig(dir, extra), prepare)
			c.says(t, "a.csv cannot be read: open "+file+": permission denied")
			c.says(t, "directory "+folder+" cannot be read")
			require.NoError(t, os.WriteFile(filepath.Join(in, "c.csv"), []byte("id\n3\n"), 0o644))
			require.Equal(t, []string{"3"}, c.ids(t, 1), "others are read meanwhile")
			require.NoError(t, os.Chmod(file, 0o644))
			require.Equal(t, []string{"1", "3"}, c.ids(t, 2))
			require.NoError(t, os.Chmod(folder, 0o755))
			require.Equal(t, []string{"1", "2", "3"}, c.ids(t, 3))
			// Taken away and given back in the middle.
			require.NoError(t, os.Chmod(file, 0o000))
			require.NoError(t, os.Chmod(file, 0o644))
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
			require.NoError(t, err)
			_, err = f.WriteString("4\n")
			require.NoError(t, err)
			require.NoError(t, f.Close())
			require.Equal(t, []string{"1", "2", "3", "4"}, c.ids(t, 4))
			c.end(syscall.SIGTERM)
			require.Equal(t, 1, strings.Count(c.log.String(), "a.csv cannot be read"), &c.log)
			require.Equal(t, 1, strings.Count(c.log.String(), "directory "+folder+" cannot be read"), &c.log)
		})
	}
}

func TestPositionsInAnUnreadableFolderAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	folder := filepath.Join(in, "locked")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	file := filepath.Join(folder, "a.csv")
	require.NoError(t, os.WriteFile(file, []byte("id\n1\n"), 0o644))
	prepare := asNobody(t, dir)
	config := childConfig(dir, "  notify: false\n  poll_interval: 20ms\n")
	c := startChild(t, config, prepare)
	require.Equal(t, []string{"1"}, c.ids(t, 1))
	c.end(syscall.SIGTERM)
	channel, _, _ := strings.Cut(c.take(0)[0], " ")

	t.Cleanup(func() { _ = os.Chmod(folder, 0o755) })
	// Without access to its files, and then only without the permission to list it.
	for n, mode := range []os.FileMode{0o000, 0o111} {
		require.NoError(t, os.Chmod(folder, mode))
		c = startChild(t, config, prepare)
		c.says(t, "directory "+folder+" cannot be read")
		var want []string
		for k := range 4 { // each is found by another look at everything
			id := fmt.Sprint(10*(n+1) + k)
			require.NoError(t, os.WriteFile(filepath.Join(in, id+".csv"), []byte("id\n"+id+"\n"), 0o644))
			want = append(want, id)
			require.Equal(t, want, c.ids(t, k+1))
		}
		require.NoError(t, os.Chmod(folder, 0o755))
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
		require.NoError(t, err)
		id := fmt.Sprint(10*(n+1) + 4)
		_, err = f.WriteString(id + "\n")
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.Equal(t, append(want, id), c.ids(t, 5), "and no row again")
		last, _, _ := strings.Cut(c.take(4)[0], " ")
		require.Equal(t, channel, last)
		c.end(syscall.SIGTERM)
		require.NotContains(t, c.log.String(), "is gone before")
	}
}

func TestTooManyOpenFilesAreSurvived(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	require.NoError(t, os.Mkdir(in, 0o755))
	const files = 60
	var want []string
	for n := range files {
		require.NoError(t, os.WriteFile(filepath.Join(in, fmt.Sprintf("%d.csv", n)), fmt.Appendf(nil, "id\n%d\n", n), 0o644))
		want = append(want, fmt.Sprint(n))
	}
	c := startChild(t, childConfig(dir, ""), func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, childFilesEnv+"=24") })
	slices.Sort(want)
	require.Equal(t, want, c.ids(t, files))
	c.end(syscall.SIGTERM)
}

func TestAnImpossibleCheckpointDirIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "in"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "state"), nil, 0o644))
	c := startChild(t, childConfig(dir, ""))
	c.says(t, "making the checkpoint directory: mkdir "+filepath.Join(dir, "state"))
	require.NoError(t, os.Remove(filepath.Join(dir, "state")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in", "a.csv"), []byte("id\n1\n"), 0o644))
	require.Equal(t, []string{"1"}, c.ids(t, 1), "it is tried again")
	c.end(syscall.SIGTERM)
}
