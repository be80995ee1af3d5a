// The live page: it takes the last hour from api/history, then a message a second
// from api/events. What comes from files is set as text, never as HTML.
import { charts, forgetCharts } from "./charts.js";
import { whole, rate, span, size, clock, ago, percent, money } from "./format.js";

const at = (id) => document.getElementById(id);
const put = (id, text) => { const e = at(id); if (e.textContent !== text) e.textContent = text; };
const points = []; // of the last hour, oldest first
let latest = null; // the message that came last
let arrived = 0; // when, by the clock of this browser
let range = 900;

// element makes an element with a class and text or children.
function element(name, cls, ...children) {
  const e = document.createElement(name);
  if (cls) e.className = cls;
  e.append(...children);
  return e;
}

// fill replaces the children of an element, unless they say the same already: what a person has selected or reads stays.
function fill(parent, children) {
  const now = element("div", "", ...children);
  if (parent.innerHTML !== now.innerHTML) parent.replaceChildren(...now.childNodes);
}

// file names a file by its last part, with the whole path for those who ask for it.
function file(path) {
  const e = element("span", "file", path.slice(path.lastIndexOf("/") + 1));
  e.title = path;
  return e;
}

function row(cells) {
  return element("tr", "", ...cells.map(([label, content, cls]) => {
    const td = element("td", cls || "", ...(Array.isArray(content) ? content : [content]));
    td.dataset.label = label;
    return td;
  }));
}

function showVerdict(v) {
  at("verdict").dataset.level = v.level;
  put("headline", v.headline);
  fill(at("details"), v.details.map((d) => element("li", "", d)));
  document.title = `${{ good: "✓", working: "…", warning: "!", bad: "✕" }[v.level]} ${v.headline}`;
  // Spoken when the kind of state changes, not each time a figure in it does.
  const kind = v.headline.replace(/[\d.,]+/g, "#");
  if (at("announce").dataset.kind !== kind) {
    at("announce").dataset.kind = kind;
    put("announce", v.headline);
  }
}

function showFigures(s) {
  put("stored", rate(s.rates.stored));
  const skipped = s.totals.skipped_key + s.totals.skipped_ledger;
  put("stored-note", `${rate(s.rates.in)} in · ${whole(s.totals.stored)} in all${skipped ? `, ${whole(skipped)} were there already` : ""}`);
  put("p50", s.latency.p50 === undefined ? "–" : span(s.latency.p50));
  put("p50-note", s.latency.p99 === undefined ? "nothing stored in the last minute" : `median; 99 % within ${span(s.latency.p99)}`);
  put("backlog", size(s.backlog.bytes));
  put("backlog-note", backlogNote(s.backlog));
  put("rejected", whole(s.totals.rejected));
  put("rejected-unit", s.totals.rejected === 1 ? "row" : "rows");
  at("rejected").classList.toggle("alarm", s.totals.rejected > 0);
  put("rejected-note", s.totals.rejected ? `${percent(s.totals.rejected, s.totals.in)} of all rows read` : "every row was taken");
  put("uptime", `running for ${span(s.uptime_seconds)}`);
  const t = s.totals;
  put("totals", `Since the start: ${whole(t.in)} rows read, ${whole(t.stored)} stored, ${whole(t.skipped_key)} skipped by key, ${whole(t.skipped_ledger)} skipped by ledger, ${whole(t.filtered)} filtered, ${whole(t.rejected)} refused; ${whole(s.retries)} batches tried again.`);
}

function backlogNote(b) {
  if (!b.bytes) return b.unacked_rows ? `${whole(b.unacked_rows)} rows under way` : "nothing is waiting";
  const left = b.left_seconds === undefined ? "" : `, about ${span(b.left_seconds)} left`;
  return `oldest waits ${span(b.oldest_seconds)}${left}`;
}

const parts = [
  ["files", "awaiting_files", "waiting for files"], ["reading", "reading", "reading"],
  ["mapping", "mapping", "mapping"], ["database", "database", "database"],
];
const bottlenecks = {
  files: "Nothing holds it up: it waits for files.",
  reading: "Reading and parsing the files takes most of the time.",
  mapping: "The mapping takes most of the time: make it cheaper, or raise pipeline.threads.",
  database: "The database takes most of the time.",
};

function showShares(s) {
  put("bottleneck", bottlenecks[s.bottleneck]);
  const bar = at("shares");
  if (!bar.children.length) bar.append(...parts.map(([cls]) => element("i", `s-${cls}`)));
  parts.forEach(([, key], i) => { bar.children[i].style.width = `${100 * s.shares[key]}%`; });
  fill(at("shares-legend"), parts.map(([cls, key, name]) => element("li", `s-${cls}`, `${name} ${Math.round(100 * s.shares[key])} %`)));
}

function showRefused(s) {
  const some = s.newest_rejections.length > 0;
  at("refused-empty").hidden = some;
  at("newest").hidden = !some;
  fill(at("reasons"), s.rejections.map((r) => element("li", "", element("b", "", whole(r.count)), `${r.stage}: ${r.class}`)));
  fill(at("newest").tBodies[0], s.newest_rejections.slice(0, 20).map((r) => row([
    ["When", clock(r.at), "n"], ["File", file(r.path || "unknown")], ["Row", r.row ? whole(r.row) : "–", "n"], ["Reason", r.reason],
  ])));
}

const states = { reading: ["busy", "reading"], waiting: ["busy", "waiting"], done: ["ok", "done"], refused: ["bad", "refused"] };

function showFiles(s) {
  const c = s.file_counts;
  put("files-lead", c.known ? `${whole(c.known)} known, ${whole(c.waiting)} waiting${c.refused ? `, ${whole(c.refused)} refused` : ""}. Those that changed last:` : "No file yet.");
  at("files").hidden = s.files.length === 0;
  fill(at("files").tBodies[0], s.files.slice(0, 8).map((f) => {
    const [cls, word] = states[f.state] || ["", f.state];
    const state = [element("span", cls, word)];
    if (f.problem) state.push(element("span", "why", f.problem));
    const open = f.rows - f.done;
    return row([
      ["File", file(f.path)], ["State", state], ["Rows", open ? `${whole(f.rows)} (${whole(open)} under way)` : whole(f.rows), "n"],
      ["Read", f.size ? `${percent(f.read, f.size)} of ${size(f.size)}` : size(0), "n"], ["Changed", ago(f.changed, s.at), "n"],
    ]);
  }));
}

function showOutputs(s) {
  fill(at("outputs").tBodies[0], s.outputs.map((o) => {
    const state = [element("span", o.up ? "ok" : "bad", `${o.up ? "connected" : "away"} for ${span(Math.floor(o.since_seconds))}`)];
    if (o.problem) state.push(element("span", "why", o.problem));
    return row([["Output", o.label || "postgres_copy"], ["Table", o.table || "by message"], ["State", state]]);
  }));
}

function showShop(shop) {
  at("shop").hidden = !shop;
  if (!shop) return;
  put("shop-problem", shop.problem || (shop.minutes.length ? "" : "No events yet."));
  at("shop-problem").hidden = shop.minutes.length > 0;
  at("shop-body").hidden = shop.minutes.length === 0;
  const sum = { revenue: 0 };
  for (const m of shop.minutes) {
    sum.revenue += m.revenue;
    for (const [type, n] of Object.entries(m.events)) sum[type] = (sum[type] || 0) + n;
  }
  const types = Object.keys(sum).filter((t) => t !== "revenue").sort((a, b) => sum[b] - sum[a]);
  const all = types.reduce((n, t) => n + sum[t], 0);
  const figure = (name, text) => element("div", "", element("dt", "", name), element("dd", "", text));
  fill(at("shop-figures"), [
    figure("Revenue", money(sum.revenue)), figure("Purchases", whole(sum.purchase || 0)),
    figure("Bought of viewed", percent(sum.purchase || 0, sum.view || 0)), figure("Events", whole(all)),
  ]);
  fill(at("mix").tBodies[0], types.map((t) => {
    const meter = element("meter", "");
    meter.setAttribute("max", all);
    meter.setAttribute("value", sum[t]);
    meter.setAttribute("aria-hidden", "true");
    return element("tr", "", element("td", "", t.replaceAll("_", " ")), element("td", "", meter), element("td", "", `${whole(sum[t])} · ${percent(sum[t], all)}`));
  }));
  if (at("funnel").closest("details").open) {
    fill(at("funnel").tBodies[0], [...shop.minutes].reverse().map((m) => element("tr", "", ...[
      clock(m.minute).slice(0, 5), whole(m.events.view || 0), whole(m.events.add_to_cart || 0), whole(m.events.purchase || 0),
      percent(m.events.purchase || 0, m.events.view || 0), money(m.revenue)].map((text) => element("td", "", text)))));
  }
  charts.shop(shop.minutes);
}

// showMinutes fills the table that says the same as the charts.
function showMinutes() {
  if (!at("minutes").closest("details").open) return;
  const minutes = new Map();
  for (const p of points) {
    const key = p.at - (p.at % 60);
    if (!minutes.has(key)) minutes.set(key, []);
    minutes.get(key).push(p);
  }
  const mean = (list, key) => list.reduce((n, p) => n + p[key], 0) / list.length;
  const middle = (list, key) => { const v = list.map((p) => p[key]).filter((x) => x !== null).sort((a, b) => a - b); return v.length ? span(v[v.length >> 1]) : "–"; };
  fill(at("minutes").tBodies[0], [...minutes].reverse().map(([minute, list]) => element("tr", "", ...[
    clock(minute * 1000).slice(0, 5), rate(mean(list, "in")), rate(mean(list, "stored")), rate(mean(list, "rejected")),
    middle(list, "p50"), middle(list, "p99"), size(list[list.length - 1].backlog)].map((text) => element("td", "", text)))));
}

function note(point) {
  if (!point || (points.length && points[points.length - 1].at >= point.at)) return;
  points.push(point);
  if (points.length > 3600) points.shift();
}

function show(s) {
  latest = s;
  arrived = Date.now();
  note(s.point);
  showVerdict(s.verdict);
  showFigures(s);
  showShares(s);
  showRefused(s);
  showFiles(s);
  showOutputs(s);
  showShop(s.shop);
  if (!document.hidden) draw();
}

function draw() {
  charts.history(points, range);
  showMinutes();
}

function showLink(state, text) {
  at("link").dataset.state = state;
  put("link", text);
  document.body.classList.toggle("stale", state === "lost");
}

async function loadHistory() {
  const answer = await fetch("api/history");
  if (!answer.ok) throw new Error(`api/history: ${answer.status}`);
  points.splice(0, points.length, ...await answer.json());
}

function listen() {
  const events = new EventSource("api/events");
  events.onopen = () => loadHistory().catch(() => {}).finally(() => { if (latest) draw(); });
  events.onmessage = (e) => { show(JSON.parse(e.data)); showLink("live", "live"); };
  events.onerror = () => showLink("lost", "connect does not answer: it was stopped, or cannot be reached");
}

for (const input of document.querySelectorAll("input[name=range]")) {
  input.addEventListener("change", () => { range = Number(input.value); draw(); });
}
for (const details of document.querySelectorAll("details")) {
  details.addEventListener("toggle", () => { if (latest) { showMinutes(); showShop(latest.shop); } });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { forgetCharts(); if (latest) show(latest); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && latest) draw(); });
setInterval(() => {
  if (arrived && Date.now() - arrived > 5000) showLink("lost", `no figures for ${span(Math.round((Date.now() - arrived) / 1000))}`);
}, 1000);
listen();
