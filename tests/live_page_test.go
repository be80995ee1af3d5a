package tests

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

var pictures = flag.String("pictures", "", "have TestTheLivePageInABrowser make the README's pictures anew in this `folder`")

const (
	wide   = 1280
	tall   = 1000
	narrow = 360
	soon   = 20 * time.Second
)

// TestTheLivePageInABrowser looks at one pipeline's page as a person would, from
// its first figures over bad rows and an outage to its end.
func TestTheLivePageInABrowser(t *testing.T) {
	t.Parallel()
	b := rig.OpenBrowser(t)
	s, server := rig.NewSiteWithServer(t)
	p := s.Pipeline()
	p.AwaitLine("The live page is at " + p.LiveURL)
	g := s.Generator("GENERATOR_INTERVAL=50ms", "GENERATOR_BATCH_SIZE=10")
	b.Open(p.LiveURL, wide, tall, "light")
	b.AwaitText(soon, "headline", "Keeping up")

	b.Step(t, "figures move", func(t *testing.T) {
		before := totalOf(b, "stored")
		b.Await(soon, fmt.Sprintf("%s > %d", total("stored"), before+200))
		b.AwaitText(soon, "shop-figures", "Revenue")
	})
	if *pictures != "" {
		takePictures(t, s, b)
	}
	b.Step(t, "history survives a reload", func(t *testing.T) {
		var before int
		rig.Await(t, "a history", func() error {
			if before = seconds(t, p); before < 2 {
				return fmt.Errorf("%d seconds", before)
			}
			return nil
		})
		b.Run(chromedp.Reload())
		b.Await(soon, "document.querySelectorAll('#chart-rows canvas').length === 1")
		require.GreaterOrEqual(t, seconds(t, p), before)
	})
	b.Step(t, "a rejected row has its reason", func(t *testing.T) {
		bad := rig.RecordWith("quantity", "1.5")
		s.DropFile("odd <img src=x onerror=alert(1)>.csv", rig.Header+"\n"+rig.Record(1)+"\n"+bad+"\n")
		b.AwaitText(soon, "newest", "odd <img src=x onerror=alert(1)>.csv")
		row := b.Text("newest")
		require.Regexp(t, `csv\s+2\s+column "quantity" integer: cannot take …: not an integer`, row)
		require.NotContains(t, row, "1.5", "the value may be personal")
		require.Zero(t, rig.Eval[int](b, "document.querySelectorAll('main img').length"))
		b.AwaitText(soon, "details", "1 row refused in the last minute")
	})
	b.Step(t, "each stage has its reason", func(t *testing.T) {
		s.DropFile("stages.csv", rig.Header+"\nonly,three,cells\n"+rig.RecordWith("price", "cheap")+"\n")
		b.AwaitText(soon, "reasons", "parse: parse")
		b.AwaitText(soon, "reasons", "mapping: mapping")
		rows := b.Text("newest")
		require.Regexp(t, `stages\.csv\s+1\s+.*3 .*10`, rows)
		require.Regexp(t, `stages\.csv\s+2\s+price … is not a number from 0 on`, rows)
		require.NotContains(t, rows, "cheap", "the value may be personal")
		require.NoError(t, os.Remove(filepath.Join(s.EventsDir, "stages.csv"))) // Generated reads whole records only
	})
	b.Step(t, "a refused file is named", func(t *testing.T) {
		s.DropFile("twice.csv", "id,id\n1,2\n")
		b.AwaitText(soon, "headline", "1 file is refused")
		b.AwaitText(soon, "files", "twice.csv")
		b.AwaitText(soon, "details", `twice.csv: `)
		require.NoError(t, os.Remove(filepath.Join(s.EventsDir, "twice.csv")))
		b.AwaitText(2*soon, "headline", "Keeping up")
	})
	b.Step(t, "an outage and its end", func(t *testing.T) {
		require.NoError(t, server.StopNow(t.Context()))
		b.AwaitText(5*time.Second, "headline", "Database away for")
		b.AwaitText(soon, "outputs", "away")
		require.Equal(t, "bad", rig.Eval[string](b, "document.getElementById('verdict').dataset.level"))
		require.Contains(t, b.Text("announce"), "Database away", "it is spoken")
		require.NoError(t, server.Restart(t.Context()))
		b.Await(soon, "document.getElementById('verdict').dataset.level !== 'bad'")
	})
	b.Step(t, "figures agree with SQL", func(t *testing.T) {
		g.Terminate()
		good, _ := s.Sorted()
		s.DB.AwaitStored(len(good))
		stored, err := s.DB.Value("SELECT count(*) FROM user_events")
		require.NoError(t, err)
		b.Await(soon, fmt.Sprintf("%s === %s", total("stored"), stored))
		for name, query := range map[string]string{
			"Purchases": "SELECT to_char(coalesce(sum(purchases), 0), 'FM999,999,990') FROM shop_funnel_by_minute",
			"Events":    "SELECT to_char(sum(events), 'FM999,999,990') FROM shop_events_by_minute",
			"Revenue":   "SELECT to_char(sum(revenue), 'FM999,999,990.00') FROM shop_events_by_minute",
		} {
			want, err := s.DB.Value(query)
			require.NoError(t, err)
			b.Await(soon, fmt.Sprintf(`[...document.querySelectorAll("#shop-figures div")].some((d) => d.innerText.replace(/\s+/g, " ") === %q)`, name+" "+want))
		}
	})
	b.Step(t, "an outage while nothing is to be stored", func(t *testing.T) {
		require.NoError(t, server.StopNow(t.Context()))
		b.AwaitText(5*time.Second, "headline", "Database away for")
		require.NoError(t, server.Restart(t.Context()))
		b.Await(soon, "document.getElementById('verdict').dataset.level !== 'bad'")
	})
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{narrow, wide} {
			b.Step(t, fmt.Sprint(theme, " at ", width), func(t *testing.T) { requireLegible(t, b, width, theme) })
		}
	}
	b.Step(t, "it serves keyboards and screen readers", func(t *testing.T) { requireAccessible(t, b) })
	b.Step(t, "its end is shown", func(t *testing.T) {
		b.RequireNoComplaints()
		p.Terminate()
		b.Await(soon, "document.getElementById('link').dataset.state === 'lost'")
	})
}

// seconds is how long the history is that the page has.
func seconds(t *testing.T, p *rig.Program) int {
	answer, err := http.Get(p.LiveURL + "/api/history")
	require.NoError(t, err)
	defer answer.Body.Close()
	var points []json.RawMessage
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&points))
	return len(points)
}

// total is JavaScript for a total as the page last got it.
func total(name string) string {
	return fmt.Sprintf(`Number(document.getElementById("totals").innerText.match(/([\d,]+) %s/)?.[1].replaceAll(",", ""))`, name)
}

func totalOf(b *rig.Browser, name string) int {
	b.T.Helper()
	return rig.Eval[int](b, total(name))
}

// requireLegible checks that nothing sticks out of the window and that every text
// stands out from its ground as WCAG's level AA asks.
func requireLegible(t *testing.T, b *rig.Browser, width int64, theme string) {
	b.Resize(width, tall, theme)
	b.Await(soon, fmt.Sprintf("innerWidth === %d && matchMedia('(prefers-color-scheme: %s)').matches", width, theme))
	require.LessOrEqual(t, rig.Eval[int64](b, "document.documentElement.scrollWidth"), width)
	require.Empty(t, rig.Eval[[]string](b, `(() => {
		const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
			.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
		const parse = (color) => (color.match(/[\d.]+/g) || []).map(Number);
		const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
		const bad = [];
		for (const e of document.querySelectorAll("body *")) {
			if (!e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
			const [x, y] = [luminance(parse(getComputedStyle(e).color)), luminance(ground(e))].sort((a, b) => b - a);
			if ((x + 0.05) / (y + 0.05) < 4.5) bad.push(e.tagName + "." + e.className + ": " + e.textContent.slice(0, 30));
		}
		return bad;
	})()`))
}

// requireAccessible checks what keyboards and screen readers rely on.
func requireAccessible(t *testing.T, b *rig.Browser) {
	require.Empty(t, rig.Eval[[]string](b, `[...document.querySelectorAll("[role=img]")].filter((e) => e.checkVisibility() && !e.getAttribute("aria-label")).map((e) => e.id)`), "charts without words")
	require.Empty(t, rig.Eval[[]string](b, `[...document.querySelectorAll("table")].filter((e) => e.checkVisibility() && !e.caption && !e.closest("[aria-label]")).map((e) => e.id)`), "tables without a name")
	require.Equal(t, 1, rig.Eval[int](b, `document.querySelectorAll("h1").length`))
	b.Run(chromedp.Reload())
	b.Run(chromedp.KeyEvent("\t"))
	require.Equal(t, "Skip to the figures", rig.Eval[string](b, "document.activeElement.innerText"))
	b.Run(chromedp.KeyEvent("\t"))
	require.Equal(t, "900", rig.Eval[string](b, "document.activeElement.value"), "the range of the charts")
	require.NotEqual(t, "none", rig.Eval[string](b, "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"), "the focus shows")
	b.Run(chromedp.KeyEvent("\t"))
	require.Equal(t, "SUMMARY", rig.Eval[string](b, "document.activeElement.tagName"))
	b.Run(chromedp.KeyEvent("\r"))
	b.Await(soon, `document.querySelectorAll("#minutes tbody tr").length > 0`)
}

// takePictures makes the pictures of the README: a good state with some refused
// rows in it.
func takePictures(t *testing.T, s *rig.Site, b *rig.Browser) {
	require.NoError(t, os.MkdirAll(*pictures, 0o755))
	for i := range 3 {
		s.DropFile(fmt.Sprintf("supplier-%d.csv", i), rig.Header+"\n"+rig.RecordWith("quantity", "1.5")+"\n")
	}
	b.Await(2*time.Minute, "document.querySelectorAll('#chart-rows canvas').length === 1 && "+total("stored")+" > 12000")
	for _, theme := range []string{"light", "dark"} {
		b.Resize(wide, tall, theme)
		b.Await(soon, "document.querySelectorAll('#chart-rows canvas').length === 1")
		b.Screenshot(filepath.Join(*pictures, "live-"+theme+".png"))
	}
	b.Resize(wide, tall, "light")
}
