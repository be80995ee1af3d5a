package watch

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// attach makes a block device of an image, or skips the test where that is not allowed.
func attach(t *testing.T, image string) (device string, detach func()) {
	t.Helper()
	out, err := exec.Command("losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("a loop device for the test is not allowed here: %v: %s", err, out)
	}
	device = strings.TrimSpace(string(out))
	attached := true
	detach = func() {
		if attached {
			attached = false
			require.NoError(t, exec.Command("losetup", "--detach", device).Run())
		}
	}
	t.Cleanup(detach)
	return device, detach
}

//promise:identity
func TestAVolumeUnderAnotherDeviceNumberGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	image := w.path("image")
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 8<<20))
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Skipf("no filesystem can be made here: %v: %s", err, out)
	}
	device, detach := attach(t, image)
	unmount := mount(t, device, w.path("in"), "ext4", 0, "")
	w.write("in/a.csv", "id,v\n1,a\n")
	w.start()
	w.expect("1,a")
	w.append("in/a.csv", "2,b\n")
	w.expect("2,b")
	w.close()

	var before, after syscall.Stat_t
	require.NoError(t, syscall.Stat(w.path("in"), &before))
	unmount()
	second, _ := attach(t, image) // while the first is there still
	detach()
	unmount = mount(t, second, w.path("in"), "ext4", 0, "")
	require.NoError(t, syscall.Stat(w.path("in"), &after))
	require.NotEqual(t, before.Dev, after.Dev)
	w.start()
	t.Cleanup(func() {
		if w.watcher != nil {
			w.kill()
		}
	})
	w.expect()
	w.append("in/a.csv", "3,c\n")
	w.expect("3,c")
	require.Len(t, w.channels, 1)
	require.Equal(t, 1, w.log.count("another device number"))
	w.close()
	unmount()
}
