package kafkatest

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// ErrMissing is wrapped by errors that say that this machine has neither Java
// and Maven nor a broker that KAFKA_BROKERS names.
var ErrMissing = errors.New("there is no Kafka to test on: install Java 17 and Maven (apt-get install default-jdk-headless maven), or name a broker in " + BrokersVariable)

var (
	//go:embed pom.xml
	pom []byte
	//go:embed log4j2.xml
	logging []byte
)

// classPath returns the class path of the broker that pom.xml names. Maven
// downloads what is missing; the answer is kept for the next time.
var classPath = sync.OnceValues(func() (string, error) {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%w: %w", ErrMissing, err)
		}
	}
	known, cacheErr := cachedClassPath()
	if cacheErr == nil {
		if text, err := os.ReadFile(known); err == nil && allExist(string(text)) {
			return string(text), nil
		}
	}
	text, err := askMaven(context.Background())
	if err == nil && cacheErr == nil {
		_ = os.WriteFile(known, []byte(text), 0o600) // it only saves time
	}
	return text, err
})

// cachedClassPath returns the file that keeps the class path of this pom.xml.
func cachedClassPath() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "ecommerce-ingest", "kafkatest")
	return filepath.Join(dir, fmt.Sprintf("%x", sha256.Sum256(pom))[:16]), os.MkdirAll(dir, 0o700)
}

func allExist(path string) bool {
	for jar := range strings.SplitSeq(path, string(os.PathListSeparator)) {
		if _, err := os.Stat(jar); err != nil {
			return false
		}
	}
	return path != ""
}

func askMaven(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "kafkatest-maven-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), pom, 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B",
		"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath", "-Dmdep.outputFile=classpath")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("asking Maven for Kafka: %w: %s", err, bytes.TrimSpace(out))
	}
	text, err := os.ReadFile(filepath.Join(dir, "classpath"))
	return strings.TrimSpace(string(text)), err
}
