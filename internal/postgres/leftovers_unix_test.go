//go:build unix

package postgres

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// endVariable makes the test binary start a server and end in the named way.
const endVariable = "POSTGRES_TEST_END"

func TestMain(m *testing.M) {
	if how := os.Getenv(endVariable); how != "" {
		startAndEnd(how)
	}
	os.Exit(m.Run())
}

func startAndEnd(how string) {
	opts := Options{}
	if how == "killed while starting" {
		opts.Log = lineOnStart{}
	}
	server, err := Start(context.Background(), opts)
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	fmt.Println(server.dir, server.port)
	switch how {
	case "os.Exit":
		os.Exit(0)
	case "panic":
		panic("on purpose")
	}
	select {} // until a signal comes
}

// lineOnStart prints a line when the server starts.
type lineOnStart struct{}

func (lineOnStart) Write(p []byte) (int, error) {
	fmt.Println("-", 0)
	return len(p), nil
}

func TestNothingRemainsHoweverTheProcessEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*testing.T, *os.Process){
		"os.Exit": func(*testing.T, *os.Process) {},
		"panic":   func(*testing.T, *os.Process) {},
		"SIGKILL": func(t *testing.T, p *os.Process) { require.NoError(t, p.Kill()) },
		"SIGINT":  func(t *testing.T, p *os.Process) { require.NoError(t, p.Signal(os.Interrupt)) },
		"killed while starting": func(t *testing.T, p *os.Process) {
			// Most likely in initdb. The test holds wherever it is.
			time.Sleep(200 * time.Millisecond)
			require.NoError(t, p.Kill())
		},
	}
	for how, end := range tests {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			parent, err := os.MkdirTemp("", "postgres-end-")
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(parent)) })
			require.NoError(t, os.Chmod(parent, 0o755))

			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), endVariable+"="+how, "TMPDIR="+parent)
			out, err := child.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, child.Start())
			scan := bufio.NewScanner(out)
			require.True(t, scan.Scan(), "the child says where its server is")
			dir, port, _ := strings.Cut(scan.Text(), " ")
			require.NotEmpty(t, port, scan.Text())
			if dir != "-" {
				require.Equal(t, parent, dir[:strings.LastIndex(dir, "/")])
			}
			end(t, child.Process)
			_ = child.Wait()

			require.Eventually(t, func() bool {
				left, err := os.ReadDir(parent)
				return err == nil && len(left) == 0
			}, 30*time.Second, 20*time.Millisecond, "the directory stays")
			require.Eventually(t, func() bool {
				ps, err := exec.Command("ps", "-A", "-o", "args=").Output()
				return err == nil && !strings.Contains(string(ps), parent)
			}, 30*time.Second, 50*time.Millisecond, "a process stays")
			if n, _ := strconv.Atoi(port); n != 0 {
				conn, err := net.Dial("tcp", "127.0.0.1:"+port)
				if err == nil {
					conn.Close()
				}
				require.Error(t, err, "the port is free")
			}
		})
	}
}

func TestAPortTakenInTheMeantimeIsDetected(t *testing.T) {
	t.Parallel()
	server, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	require.NoError(t, server.StopNow(t.Context()))

	thief, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(server.port)))
	require.NoError(t, err)
	require.ErrorIs(t, server.launchAndWait(t.Context()), errPortTaken)

	back := make(chan error)
	go func() { back <- server.Restart(t.Context()) }()
	require.NoError(t, thief.Close())
	require.NoError(t, <-back, "a restart waits for its port")
}
