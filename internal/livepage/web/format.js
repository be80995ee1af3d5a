// How figures are written. The language is that of the page, whatever the browser's is.
const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const whole = (n) => grouped.format(n);

export function rate(n) {
  if (n >= 100 || n === Math.round(n)) return whole(n);
  return n >= 10 ? n.toFixed(0) : n.toFixed(1);
}

// span writes seconds roughly, as people say it.
export function span(s) {
  if (s < 0.0995) return `${(1000 * s).toPrecision(2).replace(/\.0$/, "")} ms`;
  if (s < 0.9995) return `${Math.round(1000 * s)} ms`;
  if (s < 10) return `${s.toFixed(1).replace(/\.0$/, "")} s`;
  if (s < 120) return `${Math.floor(s)} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} days`;
}

export function size(n) {
  if (n < 1000) return `${n} B`;
  let unit = 0;
  for (n /= 1000; n >= 999.5 && unit < 5; n /= 1000) unit++;
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${"kMGTPE"[unit]}B`;
}

export function clock(t) {
  const d = new Date(t);
  return [d.getHours(), d.getMinutes(), d.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}

export function ago(t, now) {
  const s = Math.floor((new Date(now) - new Date(t)) / 1000);
  return s < 1 ? "just now" : `${span(s)} ago`;
}

export function percent(n, of) {
  if (!of) return "–";
  const p = (100 * n) / of;
  return `${p === 0 || p === 100 ? p : p < 10 ? p.toPrecision(2) : Math.min(99, Math.round(p))} %`;
}

export const money = (n) => n.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
