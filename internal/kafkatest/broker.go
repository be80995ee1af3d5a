package kafkatest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options configure a broker.
type Options struct {
	// Settings are added to server.properties.
	Settings map[string]string
	// User and Password, when set, are those of the SASL_SSL listener, which
	// demands SCRAM-SHA-512.
	User, Password string
	// Log, when set, receives the output of the broker.
	Log io.Writer
	// Optimize has Java compile for speed, which is worth its time in a broker
	// that is measured.
	Optimize bool
}

// Broker is one Kafka server in KRaft mode, with a directory of its own. Its
// methods are for one goroutine at a time.
type Broker struct {
	dir            string
	plain, secured string // addresses
	certificate    []byte // of the SASL_SSL listener, PEM
	log            io.Writer
	tier           string // how far Java compiles

	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone
}

// startLimit bounds formatting and starting, so that a machine in trouble fails
// the test rather than hanging it.
const startLimit = 2 * time.Minute

// heap bounds the memory of a broker.
const heap = "-Xmx384m"

// Start formats the storage of a broker and starts it. It returns when the
// broker is ready. Whoever starts it calls Remove.
func Start(ctx context.Context, o Options) (*Broker, error) {
	dir, err := os.MkdirTemp("", "kafkatest-")
	if err != nil {
		return nil, err
	}
	b := &Broker{dir: dir, log: o.Log, tier: "1"}
	if o.Optimize {
		b.tier = "4"
	}
	if err := b.format(ctx, o); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := b.Restart(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

// Address returns the address of the listener without encryption.
func (b *Broker) Address() string { return b.plain }

// SecuredAddress returns the address of the listener that demands TLS and
// SCRAM-SHA-512; empty unless Options has a User.
func (b *Broker) SecuredAddress() string { return b.secured }

// Certificate returns the certificate of the secured listener, which clients
// must trust, in PEM.
func (b *Broker) Certificate() []byte { return b.certificate }

// PID returns the process of the running broker.
func (b *Broker) PID() int { return b.cmd.Process.Pid }

func (b *Broker) format(ctx context.Context, o Options) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	b.plain = ports[0]
	listeners := "PLAINTEXT://" + ports[0] + ",CONTROLLER://" + ports[1]
	settings := map[string]string{
		"process.roles":                            "broker,controller",
		"node.id":                                  "1",
		"controller.quorum.voters":                 "1@" + ports[1],
		"controller.listener.names":                "CONTROLLER",
		"listener.security.protocol.map":           "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
		"log.dirs":                                 filepath.Join(b.dir, "data"),
		"offsets.topic.replication.factor":         "1",
		"offsets.topic.num.partitions":             "4",
		"transaction.state.log.replication.factor": "1",
		"transaction.state.log.min.isr":            "1",
		"transaction.state.log.num.partitions":     "1",
		"auto.create.topics.enable":                "false",
		"broker.session.timeout.ms":                "2000", // how long a killed one is missed
		"broker.heartbeat.interval.ms":             "500",
		"group.initial.rebalance.delay.ms":         "0",
		"group.min.session.timeout.ms":             "1000",
		"log.retention.check.interval.ms":          "500",
		"log.initial.task.delay.ms":                "500",
		"log.cleaner.backoff.ms":                   "500",
	}
	arguments := []string{"kafka.tools.StorageTool", "format", "-t", "a2Fma2F0ZXN0LWNsdXN0ZQ", "-c", filepath.Join(b.dir, "server.properties")}
	if o.User != "" {
		b.secured = ports[2]
		listeners += ",SASL_SSL://" + ports[2]
		if err := b.secure(settings); err != nil {
			return err
		}
		arguments = append(arguments, "--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", o.User, o.Password))
	}
	settings["listeners"] = listeners
	for name, value := range o.Settings {
		settings[name] = value
	}
	var text strings.Builder
	for name, value := range settings {
		fmt.Fprintf(&text, "%s=%s\n", name, value)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "server.properties"), []byte(text.String()), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.dir, "log4j2.xml"), logging, 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	cmd, err := b.java(ctx, arguments...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting the storage of Kafka: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// secure adds a listener with a certificate of its own to the settings.
func (b *Broker) secure(settings map[string]string) error {
	certificate, key, err := newCertificate()
	if err != nil {
		return err
	}
	b.certificate = certificate
	store := filepath.Join(b.dir, "server.pem")
	settings["ssl.keystore.type"] = "PEM"
	settings["ssl.keystore.location"] = store
	settings["sasl.enabled.mechanisms"] = "SCRAM-SHA-512"
	settings["listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	return os.WriteFile(store, append(key, certificate...), 0o600)
}

func (b *Broker) java(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	path, err := classPath()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "java", append([]string{
		heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=" + b.tier,
		"-Dlog4j2.configurationFile=" + filepath.Join(b.dir, "log4j2.xml"), "-cp", path,
	}, arguments...)...)
	cmd.Dir = b.dir
	dieWithUs(cmd)
	return cmd, nil
}

// Restart starts the broker, which must have been stopped or killed, on the same
// addresses with the same data. It returns once the broker logs that it is ready.
func (b *Broker) Restart(ctx context.Context) error {
	cmd, err := b.java(context.WithoutCancel(ctx), "kafka.Kafka", filepath.Join(b.dir, "server.properties"))
	if err != nil {
		return err
	}
	// The pipe is read by us and not by exec, so that Wait does not wait for it.
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = in, in
	err = cmd.Start()
	in.Close()
	if err != nil {
		out.Close()
		return fmt.Errorf("starting Kafka: %w", err)
	}
	b.cmd, b.done = cmd, make(chan struct{})
	ready := make(chan struct{})
	said := &tail{}
	go b.follow(out, said, ready)
	go func() {
		_ = cmd.Wait() // how it ended is in what it said
		close(b.done)
	}()
	timer := time.NewTimer(startLimit)
	defer timer.Stop()
	select {
	case <-ready:
		return nil
	case <-b.done:
		return fmt.Errorf("the broker ended as it started; it said:\n%s", said)
	case <-timer.C:
	case <-ctx.Done():
	}
	b.Kill()
	return fmt.Errorf("the broker did not start in time; it said:\n%s", said)
}

// follow reads the output of the broker and closes ready once it is up.
func (b *Broker) follow(out io.ReadCloser, said *tail, ready chan struct{}) {
	defer out.Close()
	up := false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		said.add(line)
		if b.log != nil {
			fmt.Fprintln(b.log, line)
		}
		if !up && strings.Contains(line, "Kafka Server started") {
			up = true
			close(ready)
		}
	}
}

// Stop shuts the broker down in good order, and kills it if that takes too long.
func (b *Broker) Stop() {
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-b.done:
	case <-time.After(time.Minute):
		b.Kill()
	}
}

// Kill ends the broker with SIGKILL.
func (b *Broker) Kill() {
	_ = b.cmd.Process.Kill()
	<-b.done
}

// Remove kills the broker and removes its directory.
func (b *Broker) Remove() error {
	b.Kill()
	return os.RemoveAll(b.dir)
}

// freePorts returns loopback addresses that nobody listens on.
func freePorts(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all are held until the last is found
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}

// tail keeps the last lines of a log.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == 40 {
		t.lines = t.lines[1:]
	}
	t.lines = append(t.lines, line)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
