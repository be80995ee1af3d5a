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
	b := openBrowser(t)
	s, server := newSiteOfItsOwn(t)
	p := s.pipeline()
	p.awaitLine("The live page is at " + p.live)
	g := s.generator("GENERATOR_INTERVAL=50ms", "GENERATOR_BATCH_SIZE=10")
	b.open(p.live, wide, tall, "light")
	b.awaitText(soon, "headline", "Keeping up")

	b.step(t, "figures move", func(t *testing.T) {
		before := b.total("stored")
		b.await(soon, fmt.Sprintf("%s > %d", total("stored"), before+200))
		b.awaitText(soon, "shop-figures", "Revenue")
	})
	if *pictures != "" {
		takePictures(t, s, b)
	}
	b.step(t, "history survives a reload", func(t *testing.T) {
		var before int
		await(t, "a history", func() error {
			if before = seconds(t, p); before < 2 {
				return fmt.Errorf("%d seconds", before)
			}
			return nil
		})
		b.run(chromedp.Reload())
		b.await(soon, "document.querySelectorAll('#chart-rows canvas').length === 1")
		require.GreaterOrEqual(t, seconds(t, p), before)
	})
	b.step(t, "a rejected row has its reason", func(t *testing.T) {
		bad := with("quantity", "1.5")
		s.dropFile("odd <img src=x onerror=alert(1)>.csv", header+"\n"+record(1)+"\n"+bad+"\n")
		b.awaitText(soon, "newest", "odd <img src=x onerror=alert(1)>.csv")
		row := b.text("newest")
		require.Regexp(t, `csv\s+2\s+column "quantity" integer: cannot take …: not an integer`, row)
		require.NotContains(t, row, "1.5", "the value may be personal")
		require.Zero(t, eval[int](b, "document.querySelectorAll('main img').length"))
		b.awaitText(soon, "details", "1 row refused in the last minute")
	})
	b.step(t, "each stage has its reason", func(t *testing.T) {
		s.dropFile("stages.csv", header+"\nonly,three,cells\n"+with("price", "cheap")+"\n")
		b.awaitText(soon, "reasons", "parse: parse")
		b.awaitText(soon, "reasons", "mapping: mapping")
		rows := b.text("newest")
		require.Regexp(t, `stages\.csv\s+1\s+.*3 .*10`, rows)
		require.Regexp(t, `stages\.csv\s+2\s+price … is not a number from 0 on`, rows)
		require.NotContains(t, rows, "cheap", "the value may be personal")
		require.NoError(t, os.Remove(filepath.Join(s.events, "stages.csv"))) // generated() reads whole records only
	})
	b.step(t, "a refused file is named", func(t *testing.T) {
		s.dropFile("twice.csv", "id,id\n1,2\n")
		b.awaitText(soon, "headline", "1 file is refused")
		b.awaitText(soon, "files", "twice.csv")
		b.awaitText(soon, "details", `twice.csv: `)
		require.NoError(t, os.Remove(filepath.Join(s.events, "twice.csv")))
		b.awaitText(2*soon, "headline", "Keeping up")
	})
	b.step(t, "an outage and its end", func(t *testing.T) {
		require.NoError(t, server.StopNow(t.Context()))
		b.awaitText(5*time.Second, "headline", "Database away for")
		b.awaitText(soon, "outputs", "away")
		require.Equal(t, "bad", eval[string](b, "document.getElementById('verdict').dataset.level"))
		require.Contains(t, b.text("announce"), "Database away", "it is spoken")
		require.NoError(t, server.Restart(t.Context()))
		b.await(soon, "document.getElementById('verdict').dataset.level !== 'bad'")
	})
	b.step(t, "figures agree with SQL", func(t *testing.T) {
		g.terminate()
		good, _ := s.sorted()
		s.db.awaitStored(len(good))
		stored, err := s.db.ask("SELECT count(*) FROM user_events")
		require.NoError(t, err)
		b.await(soon, fmt.Sprintf("%s === %s", total("stored"), stored))
		for name, query := range map[string]string{
			"Purchases": "SELECT to_char(coalesce(sum(purchases), 0), 'FM999,999,990') FROM shop_funnel_by_minute",
			"Events":    "SELECT to_char(sum(events), 'FM999,999,990') FROM shop_events_by_minute",
			"Revenue":   "SELECT to_char(sum(revenue), 'FM999,999,990.00') FROM shop_events_by_minute",
		} {
			want, err := s.db.ask(query)
			require.NoError(t, err)
			b.await(soon, fmt.Sprintf(`[...document.querySelectorAll("#shop-figures div")].some((d) => d.innerText.replace(/\s+/g, " ") === %q)`, name+" "+want))
		}
	})
	b.step(t, "an outage while nothing is to be stored", func(t *testing.T) {
		require.NoError(t, server.StopNow(t.Context()))
		b.awaitText(5*time.Second, "headline", "Database away for")
		require.NoError(t, server.Restart(t.Context()))
		b.await(soon, "document.getElementById('verdict').dataset.level !== 'bad'")
	})
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{narrow, wide} {
			b.step(t, fmt.Sprint(theme, " at ", width), func(t *testing.T) { b.requireLegible(t, width, theme) })
		}
	}
	b.step(t, "it serves keyboards and screen readers", func(t *testing.T) { b.requireAccessible(t) })
	b.step(t, "its end is shown", func(t *testing.T) {
		b.quiet()
		p.terminate()
		b.await(soon, "document.getElementById('link').dataset.state === 'lost'")
	})
}

// seconds is how long the history is that the page has.
func seconds(t *testing.T, p *program) int {
	answer, err := http.Get(p.live + "/api/history")
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

func (b *browser) total(name string) int {
	b.t.Helper()
	return eval[int](b, total(name))
}

// requireLegible checks that nothing sticks out of the window and that every text
// stands out from its ground as WCAG's level AA asks.
func (b *browser) requireLegible(t *testing.T, width int64, theme string) {
	b.look(width, tall, theme)
	b.await(soon, fmt.Sprintf("innerWidth === %d && matchMedia('(prefers-color-scheme: %s)').matches", width, theme))
	require.LessOrEqual(t, eval[int64](b, "document.documentElement.scrollWidth"), width)
	require.Empty(t, eval[[]string](b, `(() => {
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
func (b *browser) requireAccessible(t *testing.T) {
	require.Empty(t, eval[[]string](b, `[...document.querySelectorAll("[role=img]")].filter((e) => e.checkVisibility() && !e.getAttribute("aria-label")).map((e) => e.id)`), "charts without words")
	require.Empty(t, eval[[]string](b, `[...document.querySelectorAll("table")].filter((e) => e.checkVisibility() && !e.caption && !e.closest("[aria-label]")).map((e) => e.id)`), "tables without a name")
	require.Equal(t, 1, eval[int](b, `document.querySelectorAll("h1").length`))
	b.run(chromedp.Reload())
	b.run(chromedp.KeyEvent("\t"))
	require.Equal(t, "Skip to the figures", eval[string](b, "document.activeElement.innerText"))
	b.run(chromedp.KeyEvent("\t"))
	require.Equal(t, "900", eval[string](b, "document.activeElement.value"), "the range of the charts")
	require.NotEqual(t, "none", eval[string](b, "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"), "the focus shows")
	b.run(chromedp.KeyEvent("\t"))
	require.Equal(t, "SUMMARY", eval[string](b, "document.activeElement.tagName"))
	b.run(chromedp.KeyEvent("\r"))
	b.await(soon, `document.querySelectorAll("#minutes tbody tr").length > 0`)
}

// takePictures makes the pictures of the README: a good state with some refused
// rows in it.
func takePictures(t *testing.T, s *site, b *browser) {
	require.NoError(t, os.MkdirAll(*pictures, 0o755))
	for i := range 3 {
		s.dropFile(fmt.Sprintf("supplier-%d.csv", i), header+"\n"+with("quantity", "1.5")+"\n")
	}
	b.await(2*time.Minute, "document.querySelectorAll('#chart-rows canvas').length === 1 && "+total("stored")+" > 12000")
	for _, theme := range []string{"light", "dark"} {
		b.look(wide, tall, theme)
		b.await(soon, "document.querySelectorAll('#chart-rows canvas').length === 1")
		b.picture(filepath.Join(*pictures, "live-"+theme+".png"))
	}
	b.look(wide, tall, "light")
}
