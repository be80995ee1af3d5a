//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed spark_job.py
var sparkJob []byte

// spark is the job that is replaced. It needs a Python that has PySpark, Java, and PostgreSQL's JDBC driver.
type spark struct{ python, jar string }

// command returns the command line of the job: mode is "once" or "follow".
func (s spark) command(b *bench, mode, folder, table string) ([]string, error) {
	dir, err := os.MkdirTemp(b.dir, "spark-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for Spark: %w", err)
	}
	script := filepath.Join(dir, "job.py")
	if err := os.WriteFile(script, sparkJob, 0o600); err != nil {
		return nil, fmt.Errorf("writing Spark's job: %w", err)
	}
	url, err := jdbcURL(b.dsn)
	if err != nil {
		return nil, err
	}
	return []string{s.python, script, mode, folder, filepath.Join(dir, "checkpoint"), url, table, s.jar}, nil
}

// load loads the files of a folder, from starting Spark to its end.
func (s spark) load(ctx context.Context, b *bench, table string) (sample, error) {
	line, err := s.command(b, "once", filepath.Dir(b.eight[0]), table)
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	cmd := groupCommand(ctx, line)
	if err := cmd.Start(); err != nil {
		return sample{}, fmt.Errorf("starting Spark: %w", err)
	}
	used := watchGroup(cmd.Process.Pid)
	err = cmd.Wait()
	wall, total := time.Since(began), used()
	if err != nil {
		return sample{}, fmt.Errorf("running Spark: %w", err)
	}
	return sample{Wall: wall, Client: total.cpu, Memory: total.peak}, nil
}

// follow runs the job on a folder until stop is called, and returns once it waits for files.
func (s spark) follow(ctx context.Context, b *bench, folder, table string) (stop func(), err error) {
	line, err := s.command(b, "follow", folder, table)
	if err != nil {
		return nil, err
	}
	cmd := groupCommand(ctx, line)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting Spark: %w", err)
	}
	stop = func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "ready" {
			return stop, nil
		}
	}
	stop()
	return nil, errors.New("starting Spark: it ended before it was ready")
}

// groupCommand starts a process group of its own, since Python starts Java.
func groupCommand(ctx context.Context, line []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "SPARK_LOCAL_IP=127.0.0.1")
	return cmd
}

// usage is what a process group has used.
type usage struct {
	cpu  time.Duration
	peak int64 // bytes resident in all its processes at once
}

// watchGroup looks every 50 ms at what the processes of a group use, since Python does not wait for Java and so its
// own account lacks Java's. The function that it returns ends that.
func watchGroup(group int) func() usage {
	stop, result := make(chan struct{}), make(chan usage)
	go func() {
		var u usage
		cpu := map[int]time.Duration{}
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				for _, used := range cpu {
					u.cpu += used
				}
				result <- u
				return
			case <-tick.C:
				u.peak = max(u.peak, lookAtGroup(group, cpu))
			}
		}
	}()
	return func() usage { close(stop); return <-result }
}

// lookAtGroup notes the processor time of each process of a group, and returns their resident memory in bytes.
func lookAtGroup(group int, cpu map[int]time.Duration) (memory int64) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 3 || fields[2] != strconv.Itoa(group) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if used, err := processCPU(pid, false); err == nil {
			cpu[pid] = used
		}
		if resident, err := residentMemory(pid); err == nil {
			memory += resident
		}
	}
	return memory
}

// jdbcURL turns a DSN into the form of JDBC, with the password in it.
func jdbcURL(dsn string) (string, error) {
	conf, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", fmt.Errorf("reading the server's DSN: %w", err)
	}
	// "unspecified" has the server cast texts to uuid.
	query := url.Values{"user": {conf.User}, "password": {conf.Password}, "stringtype": {"unspecified"}, "reWriteBatchedInserts": {"true"}}
	return fmt.Sprintf("jdbc:postgresql://%s:%d/%s?%s", conf.Host, conf.Port, conf.Database, query.Encode()), nil
}
