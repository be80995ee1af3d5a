package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Browser is a page in Chromium. Only used from the test's goroutine, except for the
// complaints, which Chromium reports.
type Browser struct {
	T   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// OpenBrowser starts a headless Chromium with a profile of its own. If it is not
// installed, the test is skipped, or fails if CI is set.
func OpenBrowser(t *testing.T) *Browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no Chromium, which CI must have")
		}
		t.Skip("there is no Chromium: install it (Debian: apt-get install chromium) to test the page")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.DisableGPU, chromedp.NoSandbox,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"),
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &Browser{T: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, b.collect))
	b.Run(call(log.Enable, cdp.Empty{}))
	return b
}

// call returns an action that sends a command to the browser.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, params)
		return err
	})
}

// collect keeps errors and warnings of the console, exceptions, and failed requests.
func (b *Browser) collect(event any) {
	var text string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = fmt.Sprint(e.ExceptionDetails.Text, " ", e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			for _, arg := range e.Args {
				text += string(arg.Value) + arg.Description + " "
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			text = e.Entry.Text + " " + e.Entry.URL
		}
	}
	if text != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.complaints = append(b.complaints, text)
	}
}

// Step runs a part of the test as a subtest.
func (b *Browser) Step(t *testing.T, name string, do func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		whole := b.T
		b.T = t
		defer func() { b.T = whole }()
		do(t)
	})
}

// stepTimeout bounds every step in the browser.
const stepTimeout = time.Minute

// Run performs actions, each within stepTimeout.
func (b *Browser) Run(steps ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	require.NoError(b.T, chromedp.Do(ctx, steps...))
}

// Eval returns the value of an expression of JavaScript.
func Eval[T any](b *Browser, expression string) T {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.T, err, expression)
	return value
}

// Open navigates to url in a window of this size in pixels, with the theme "light" or
// "dark".
func (b *Browser) Open(url string, width, height int64, theme string) {
	b.T.Helper()
	b.Resize(width, height, theme)
	b.Run(chromedp.Navigate(url))
}

// Resize changes the size of the window in pixels, and the theme.
func (b *Browser) Resize(width, height int64, theme string) {
	b.T.Helper()
	b.Run(chromedp.EmulateViewport(width, height), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	}))
}

// Text returns the visible text of the element with this id.
func (b *Browser) Text(id string) string {
	b.T.Helper()
	return Eval[string](b, fmt.Sprintf("document.getElementById(%q).innerText", id))
}

// Await waits until an expression of JavaScript is true, at most for the duration.
func (b *Browser) Await(within time.Duration, expression string) {
	b.T.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression,
		chromedp.WithPollingTimeout(within), chromedp.WithPollingInterval(50*time.Millisecond)))
	if err != nil {
		require.NoError(b.T, err, "waiting for %s: the page says %q, %q", expression, b.Text("headline"), b.Text("details"))
	}
}

// AwaitText waits until the element with this id contains a text.
func (b *Browser) AwaitText(within time.Duration, id, text string) {
	b.T.Helper()
	b.Await(within, fmt.Sprintf("document.getElementById(%q).innerText.includes(%q)", id, text))
}

// Screenshot saves the content of the window as a PNG file.
func (b *Browser) Screenshot(path string) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(b.T, err)
	require.NoError(b.T, os.WriteFile(path, png, 0o644))
}

// RequireNoComplaints checks that the page has caused no error or warning.
func (b *Browser) RequireNoComplaints() {
	b.T.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.T, b.complaints)
}
