// The charts, by uPlot. Each is made when it first has something to show, and
// anew when the theme changes.
import { span, size, rate, money, clock } from "./format.js";

const made = new Map(); // by id
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function forgetCharts() {
  for (const c of made.values()) { c.watch.disconnect(); c.plot.destroy(); }
  made.clear();
}

// chart draws data into the element with this id.
function chart(id, data, describe, from, to, options) {
  const box = document.getElementById(id);
  if (!box.clientWidth) return;
  box.setAttribute("aria-label", describe);
  let c = made.get(id);
  if (!c) {
    c = { plot: new uPlot(settings(box, options), data, box) };
    c.watch = new ResizeObserver(() => { if (box.clientWidth) c.plot.setSize({ width: box.clientWidth, height: box.clientHeight }); });
    c.watch.observe(box);
    made.set(id, c);
  } else {
    c.plot.setData(data, false);
  }
  c.plot.batch(() => {
    c.plot.setScale("x", { min: from, max: to });
    const most = options.most(data);
    c.plot.setScale("y", { min: 0, max: Math.max(most * 1.15, options.least || 1) });
  });
}

function settings(box, o) {
  const text = color("--soft"), grid = color("--grid");
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width: box.clientWidth, height: box.clientHeight, cursor: { show: false }, legend: { show: false },
    padding: [8, 26, 0, 0],
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [
      { ...axis, space: 70, size: 28, values: (_, times) => times.map((t) => clock(1000 * t).slice(0, times.length > 1 && times[1] - times[0] < 60 ? 8 : 5)) },
      { ...axis, space: 34, size: 58, values: (_, values) => values.map(o.write) },
    ],
    series: [{}, ...o.series.map((s) => ({
      stroke: color(s.color), width: s.width || 2, fill: s.fill ? color(s.color) + "22" : undefined, points: { show: false },
      spanGaps: s.bridge || false, paths: o.bars ? uPlot.paths.bars({ size: [0.8, 40] }) : undefined,
    }))],
  };
}

const highest = (...columns) => (data) => Math.max(0, ...columns.flatMap((i) => data[i].filter((v) => v !== null)));

// thin averages neighbours, so that an hour is no denser than the screen.
function thin(points, step) {
  if (step <= 1) return points;
  const out = [];
  for (let i = 0; i < points.length;) {
    const key = Math.floor(points[i].at / step), group = [];
    while (i < points.length && Math.floor(points[i].at / step) === key) group.push(points[i++]);
    const mean = (name) => group.reduce((n, p) => n + p[name], 0) / group.length;
    const worst = (name) => { const v = group.map((p) => p[name]).filter((x) => x !== null); return v.length ? Math.max(...v) : null; };
    out.push({ at: group[group.length - 1].at, in: mean("in"), stored: mean("stored"), rejected: mean("rejected"), p50: worst("p50"), p99: worst("p99"), backlog: worst("backlog") });
  }
  return out;
}

export const charts = {
  history(points, range) {
    if (!points.length) return;
    const to = points[points.length - 1].at, from = to - Math.min(range, Math.max(60, to - points[0].at));
    const shown = thin(points.filter((p) => p.at >= from - 10), Math.max(1, Math.round((to - from) / 300)));
    const column = (name) => shown.map((p) => p[name]);
    const at = column("at"), last = shown[shown.length - 1];
    chart("chart-rows", [at, column("in"), column("stored"), column("rejected")],
      `Events per second: now ${rate(last.in)} in, ${rate(last.stored)} stored, ${rate(last.rejected)} refused.`, from, to,
      { write: (v) => rate(v), most: highest(1, 2), series: [{ color: "--grey", fill: true, width: 1 }, { color: "--blue" }, { color: "--red" }] });
    chart("chart-latency", [at, column("p99"), column("p50")],
      `From file to row: ${last.p50 === null ? "nothing stored now" : `half within ${span(last.p50)}, 99 % within ${span(last.p99)}`}.`, from, to,
      { write: span, most: highest(1), least: 0.004, series: [{ color: "--grey", width: 1, bridge: true }, { color: "--blue", bridge: true }] });
    chart("chart-backlog", [at, column("backlog")], `Unread: now ${size(last.backlog)}.`, from, to,
      { write: (v) => size(Math.round(v)), most: highest(1), least: 4000, series: [{ color: "--blue", fill: true }] });
  },

  shop(all) {
    if (!all.length) return;
    // The minute that is not over would look like a fall.
    const minutes = all.length > 2 && Date.now() - new Date(all[all.length - 1].minute) < 60_000 ? all.slice(0, -1) : all;
    const at = minutes.map((m) => new Date(m.minute) / 1000), to = at[at.length - 1] + 60, from = Math.min(at[0], to - 600) - 60;
    const of = (type) => minutes.map((m) => m.events[type] || 0), sum = (list) => list.reduce((a, b) => a + b, 0);
    const kinds = [["view", "views", "--blue", "k-stored"], ["add_to_cart", "carts", "--violet", "k-carts"], ["purchase", "purchases", "--green", "k-purchases"]];
    const keys = document.getElementById("shop-keys");
    if (!keys.children.length) {
      for (const [, name, , cls] of kinds) { const i = document.createElement("i"); i.className = cls; i.textContent = name; keys.append(i); }
    }
    const columns = kinds.map(([type]) => of(type)), revenue = minutes.map((m) => m.revenue);
    chart("chart-shop", [at, ...columns], `Events in the last hour: ${kinds.map(([, name], i) => `${sum(columns[i])} ${name}`).join(", ")}.`, from, to,
      { write: rate, most: highest(1, 2, 3), series: kinds.map(([, , c]) => ({ color: c })) });
    chart("chart-revenue", [at, revenue], `Revenue in the last hour: ${money(sum(revenue))}.`, from, to,
      { write: (v) => rate(v), most: highest(1), bars: true, series: [{ color: "--green", fill: true, width: 1 }] });
  },
};
