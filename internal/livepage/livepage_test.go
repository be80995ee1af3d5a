package livepage

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/status"
)

func startPage(t *testing.T, opts Options) (*Server, *status.Board) {
	t.Helper()
	board := status.New()
	opts.Address = "127.0.0.1:0"
	page, err := Start(board, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, page.Close()) })
	return page, board
}

func get(t *testing.T, url, host string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if host != "" {
		request.Host = host
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(body)
}

func TestOnlyKnownHostsAreAnswered(t *testing.T) {
	t.Parallel()
	page, _ := startPage(t, Options{AllowedHosts: []string{"Shop.example"}})
	for host, known := range map[string]bool{
		"":                       true,
		"localhost":              true,
		"LOCALHOST:4194":         true,
		"127.0.0.1:1":            true,
		"[::1]:4194":             true,
		"192.0.2.7":              true,
		"shop.example":           true,
		"shop.example.:80":       true,
		"evil.example":           false,
		"evil.example:4194":      false,
		"localhost.evil.example": false,
		"127.0.0.1.evil.example": false,
	} {
		for _, path := range []string{"/", "/api/status", "/api/history"} {
			answer, body := get(t, page.URL()+path, host)
			if known {
				assert.Equal(t, http.StatusOK, answer.StatusCode, host)
			} else {
				assert.Equal(t, http.StatusMisdirectedRequest, answer.StatusCode, host)
				assert.Contains(t, body, "live_page.allowed_hosts")
			}
		}
	}
}

func TestThePageLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	page, _ := startPage(t, Options{})
	answer, _ := get(t, page.URL()+"/", "")
	assert.Equal(t, policy, answer.Header.Get("Content-Security-Policy"))
	assert.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))

	var all int64
	elsewhere := regexp.MustCompile(`(?:src|href)="(?:https?:)?//|url\((?:https?:)?//|@import|from "https?:`)
	require.NoError(t, fs.WalkDir(web, "web", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(web, path)
		all += int64(len(text))
		assert.False(t, elsewhere.Match(text), path)
		assert.NotContains(t, string(text), ".innerHTML =", path)
		return err
	}))
	assert.Less(t, all, int64(200_000), "bytes in all")
}

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	page, _ := startPage(t, Options{})
	answer, err := http.Post(page.URL()+"/api/status", "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	page, board := startPage(t, Options{ShowValues: true})
	hostile := "</script><img src=x onerror=alert(1)>\n\ndata: {}\n\n.csv"
	board.Rejected(status.Rejection{Path: hostile, Reason: hostile, Stage: "parse", Class: "ragged", Row: 3})
	_, body := get(t, page.URL()+"/api/status", "")
	assert.NotContains(t, body, "<")
	assert.NotContains(t, body, "\n")
	var got status.Snapshot
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	assert.Equal(t, hostile, got.Newest[0].Path)
}

func TestViewersGetFiguresEverySecond(t *testing.T) {
	t.Parallel()
	page, board := startPage(t, Options{})
	answer, err := http.Get(page.URL() + "/api/events")
	require.NoError(t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for stored := 0; stored < 3; {
		require.True(t, lines.Scan())
		data, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is {
			continue
		}
		var got status.Snapshot
		require.NoError(t, json.Unmarshal([]byte(data), &got))
		if stored == 0 {
			board.AddOutput("o", "t", 1).Committed(status.Commit{Stored: 7})
		} else {
			assert.EqualValues(t, 7, got.Totals.Stored)
		}
		stored++
	}
}

func TestTooManyViewersAreTurnedAway(t *testing.T) {
	t.Parallel()
	page, _ := startPage(t, Options{})
	for range mostViewers {
		answer, err := http.Get(page.URL() + "/api/events")
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
	}
	answer, body := get(t, page.URL()+"/api/events", "")
	assert.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	assert.Contains(t, body, "64 viewers are watching already")
}

func TestThePageIsConfigured(t *testing.T) {
	t.Parallel()
	linter := Schema("", "").NewStreamConfigLinter()
	for config, want := range map[string]string{
		"live_page: { enabled: true, address: 127.0.0.1:0 }": "",
		"live_page: { port: 1 }":                             "field port not recognised",
	} {
		lints, err := linter.LintYAML([]byte(config))
		require.NoError(t, err)
		if want == "" {
			assert.Empty(t, lints)
		} else {
			assert.Contains(t, fmt.Sprint(lints), want)
		}
	}
	_, err := optionsFrom(t, "address: \"4194\"")
	assert.EqualError(t, err, `live_page.address "4194": write host:port, such as 127.0.0.1:4194`)
	opts, err := optionsFrom(t, "address: :80\nallowed_hosts: [a]\nshow_values: true")
	require.NoError(t, err)
	assert.Equal(t, Options{":80", []string{"a"}, true}, opts)
}

func optionsFrom(t *testing.T, yaml string) (Options, error) {
	t.Helper()
	conf, err := service.NewConfigSpec().Field(Field()).ParseYAML("live_page:\n  "+strings.ReplaceAll(yaml, "\n", "\n  "), nil)
	require.NoError(t, err)
	return optionsFromParsed(conf.Namespace(fieldSection))
}

func TestAnAddressInUseIsAnError(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, err = Start(status.New(), Options{Address: taken.Addr().String()})
	assert.ErrorContains(t, err, "opening the live page at "+taken.Addr().String())
}

func TestClosingEndsEveryConnection(t *testing.T) {
	t.Parallel()
	page, err := Start(status.New(), Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	answer, err := http.Get(page.URL() + "/api/events")
	require.NoError(t, err)
	defer answer.Body.Close()
	require.NoError(t, page.Close())
	ended := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, answer.Body); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream goes on")
	}
}

func TestEveryPartOfThePageIsThere(t *testing.T) {
	t.Parallel()
	index, err := web.ReadFile("web/index.html")
	require.NoError(t, err)
	for _, id := range regexp.MustCompile(`\bat\("([a-z0-9-]+)"\)|\bput\("([a-z0-9-]+)"`).FindAllSubmatch(mustRead(t, "web/page.js"), -1) {
		name := append(id[1], id[2]...)
		assert.True(t, bytes.Contains(index, fmt.Appendf(nil, `id="%s"`, name)), "%s", name)
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	text, err := web.ReadFile(name)
	require.NoError(t, err)
	return text
}
