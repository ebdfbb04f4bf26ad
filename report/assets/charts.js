// Charts in the page's colours: names, axes, intervals, and what every chart can do.

// Okabe and Ito 2008: told apart by most colour-blind people.
const kPalette = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c00", "#7f6bd0", "#a06a42", "#5a8f69", "#b04a5a", "#3d5a80", "#c2a200"];

const charts = [];  // {host, build}: all that are drawn, to draw them anew in other colours

function color(name) { return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim(); }

// Labels in charts may hold markup: names never do.
function plain(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// Long names get an end in the middle of nowhere, but stay different from each other.
const kLongest = 18;
const shortNames = new Map();
function shorten(names) {
  const taken = new Set();
  for (const name of names) {
    let short = name.length <= kLongest ? name : name.slice(0, kLongest - 1) + "\u2026";
    for (let number = 2; taken.has(short); ++number) short = name.slice(0, kLongest - 4) + "\u2026 " + number;
    taken.add(short);
    shortNames.set(name, short);
  }
}
function short(name) {
  if (shortNames.has(name)) return shortNames.get(name);
  return name.length <= 2 * kLongest ? name : name.slice(0, 2 * kLongest - 1) + "\u2026";
}

const identified = new Map();  // channel: whether its effect is
function isIdentified(channel) { return identified.get(channel) !== false; }
function tick(channel) { return plain(short(channel)) + (isIdentified(channel) ? "" : "<br><i>not identified</i>"); }
function verdict(channel) { return isIdentified(channel) ? "" : " (not identified)"; }
function withVerdict(channel) { return channel + verdict(channel); }
function shortWithVerdict(channel) { return short(channel) + verdict(channel); }

function percent(value, digits = 1) {
  return value === null || !Number.isFinite(value) ? "-" : (100 * value).toFixed(digits).replace(/^-(0(\.0*)?)$/, "$1") + " %";
}

// Weeks along an axis: dates stay texts, numbers become numbers.
const weeksAreNumbers = report.run.weeks.every((week) => /^-?\d+$/.test(week));
function weekValues(weeks) { return weeksAreNumbers ? weeks.map(Number) : weeks; }
const stepName = report.run.step.replace(/s$/, "");

// An axis of periods of one kind: single steps as above, longer ones by their names.
function periodValues(kind, periods) { return kind === stepName ? weekValues(periods) : periods.map(String); }
function periodAxis(kind) { return { title: { text: kind }, type: kind === stepName ? undefined : "category" }; }
function targetAxis(unit = "") { return { title: { text: plain(report.run.target) + unit }, rangemode: "tozero" }; }

function layoutOf(extra, width) {
  const axis = { gridcolor: color("grid"), linecolor: color("line"), zerolinecolor: color("line"), automargin: true };
  const out = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: kPalette,
    font: { color: color("ink"), size: width < 600 ? 11 : 12, family: "system-ui, sans-serif" },
    margin: { l: 10, r: 12, t: 30, b: 10 }, height: 340, modebar: { bgcolor: "rgba(0,0,0,0)", color: color("soft"), activecolor: color("accent") }, hovermode: "closest", showlegend: false, ...extra,
  };
  for (const name of Object.keys(out)) if (/^[xy]axis\d*$/.test(name)) out[name] = { ...axis, ...out[name], title: out[name].title && { standoff: 12, ...out[name].title } };
  for (const name of ["xaxis", "yaxis"]) out[name] = out[name] || { ...axis };
  if (out.showlegend) {
    out.legend = { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0, maxheight: 0.9, font: { size: 11 }, ...out.legend };
  }
  return out;
}

// Space for a legend below the chart.
function withLegend(layout, traces, width) {
  const names = traces.filter((trace) => trace.name && trace.showlegend !== false).map((trace) => trace.name);
  const perRow = Math.max(1, Math.floor(width / (Math.max(...names.map((name) => name.length), 4) * 7 + 46)));
  const space = 24 + 20 * Math.ceil(names.length / perRow);
  return { ...layout, showlegend: true, height: layout.height + space,
           margin: { l: 10, r: 12, t: 30, ...layout.margin, b: 40 + space } };
}

// The buttons by their names: the library's own choice has one that would send the chart away.
const kConfig = {
  responsive: true, displaylogo: false,
  modeBarButtons: [[{ name: "png", title: "Save as PNG", icon: Plotly.Icons.camera, click: (graph) => saveChart(graph, "png") },
                    { name: "svg", title: "Save as SVG", icon: Plotly.Icons.disk, click: (graph) => saveChart(graph, "svg") }],
                   ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
};

function saveChart(graph, format) {
  return Plotly.downloadImage(graph, { format, scale: format === "png" ? 2 : 1, filename: graph.dataset.name,
                                       width: graph.clientWidth, height: graph.clientHeight });
}

// Draws what build(width) returns ({traces, layout}), now and whenever colours or the width change.
function drawChart(host, build) {
  const known = charts.find((chart) => chart.host === host);
  if (known) known.build = build;
  else charts.push({ host, build });
  const width = host.clientWidth || 800;
  const { traces, layout, legend } = build(width);
  const full = layoutOf(legend ? withLegend(layout, traces, width) : layout, width);
  host.style.height = full.height + "px";
  return Plotly.react(host, traces, full, kConfig);
}
function redrawCharts() { return Promise.all(charts.map((chart) => drawChart(chart.host, chart.build))); }

// Pieces of charts.
function line(x, y, name, extra) {
  return { type: "scatter", mode: "lines", x, y, name: plain(name), line: { width: 2, ...(extra && extra.line) }, ...without(extra, "line") };
}
function without(object, key) {
  const out = { ...object };
  delete out[key];
  return out;
}
function band(x, lower, upper, name) {
  const usable = x.map((_, i) => i).filter((i) => lower[i] !== null && upper[i] !== null);
  if (usable.length === 0) return [];
  const edge = { type: "scatter", mode: "lines", x: usable.map((i) => x[i]), line: { width: 0 }, hoverinfo: "skip" };
  return [{ ...edge, y: usable.map((i) => lower[i]), showlegend: false },
          { ...edge, y: usable.map((i) => upper[i]), fill: "tonexty", fillcolor: color("band"), name }];
}
// Thin intervals of points that have a line of their own.
function whiskers(value, lower, upper) {
  const reach = (end) => value.map((v, i) => (v === null || end[i] === null ? 0 : Math.abs(end[i] - v)));
  return { type: "data", symmetric: false, array: reach(upper), arrayminus: reach(lower), thickness: 1, width: 3 };
}
// A row a channel: points with intervals, the first at the top. `least` cuts intervals off on a log axis.
function dots(channels, value, lower, upper, name, extra) {
  const { offset = 0, least = -Infinity, hue = color("accent"), symbol = "circle" } = extra || {};
  const y = channels.map((_, i) => i + offset);
  const drawn = value.map((v, i) => (v !== null && v >= least ? i : -1)).filter((i) => i >= 0);
  const intervals = channels.map((_, i) => i).filter((i) => lower && lower[i] !== null && upper[i] !== null && upper[i] > least);
  const segments = { x: [], y: [] };
  for (const i of intervals) {
    segments.x.push(Math.max(lower[i], least), upper[i], null);
    segments.y.push(y[i], y[i], null);
  }
  const out = [{
    type: "scatter", mode: "markers", x: drawn.map((i) => value[i]), y: drawn.map((i) => y[i]), name,
    marker: { size: 10, color: drawn.map((i) => (isIdentified(channels[i]) ? hue : color("ground"))), symbol,
              line: { width: 2, color: hue } },
    text: drawn.map((i) => plain(withVerdict(channels[i]))), hovertemplate: "%{text}<br>%{x:.4g}<extra>" + name + "</extra>",
  }];
  if (intervals.length > 0)
    out.unshift({ type: "scatter", mode: "lines", ...segments, line: { color: hue, width: 3 }, opacity: 0.5, hoverinfo: "skip",
                  showlegend: false });
  return out;
}
function channelAxis(channels) {
  return { tickvals: channels.map((_, i) => i), ticktext: channels.map(tick), range: [channels.length - 0.5, -0.5],
           gridcolor: color("grid"), zeroline: false };
}
function rowsHeight(rows) { return 60 + 30 * Math.max(rows, 3); }
// Names below a matrix: upright where there is little room.
function columnAxis(labels) {
  return { tickvals: labels.map((_, i) => i), ticktext: labels, tickangle: innerWidth < 600 ? -90 : -60 };
}
function heat(z, x, y, text, extra) {
  return { type: "heatmap", showscale: innerWidth >= 600, z, x, y, text, hovertemplate: "%{text}<br>%{z:.3g}<extra></extra>", xgap: 1, ygap: 1,
           colorbar: { thickness: 12, outlinewidth: 0 }, ...extra };
}
const kDiverging = [[0, "#b2182b"], [0.25, "#ef8a62"], [0.5, "#f2f2f2"], [0.75, "#67a9cf"], [1, "#2166ac"]];
