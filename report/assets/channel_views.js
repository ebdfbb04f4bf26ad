// Views of what drove the target: contributions, returns, curves, carry-over, and the graph of channels.

const summary = table("channel_summary.csv");
for (const row of summary.all()) identified.set(summary.at("channel", row), summary.at("identified", row) === "yes");
shorten(report.run.channels);
const media = (channel) => "media:" + channel;
const perUnit = report.run.has_spend ? "unit of spend" : "media unit";
const spendUnit = report.run.has_spend ? "spend" : "media units";
const kVerdict = "Hollow points and (not identified) mark channels whose spend follows demand: their effect can't be told from it.";

// Channels by a column of channel_summary.csv, largest first; rows of the table in that order.
function sortedRows(column) {
  return summary.all().sort((a, b) => (summary.at(column, b) || 0) - (summary.at(column, a) || 0));
}
const byContribution = sortedRows("contribution");
const channelsBySize = byContribution.map((row) => summary.at("channel", row));

function componentNames(contributions) {
  const labels = contributions.labels("component");
  const controls = labels.filter((name) => name.startsWith("control:") || name.startsWith("event:"));
  const largest = channelsBySize.slice(0, 8), rest = channelsBySize.slice(8);
  return [["baseline", ["baseline"]], ["trend", ["trend"]], ["seasonality", ["seasonality"]],
          ...(controls.length > 0 ? [["controls and events", controls]] : []),
          ...largest.map((channel) => [shortWithVerdict(channel), [media(channel)]]),
          ...(rest.length > 0 ? [["other channels", rest.map(media)]] : [])];
}

// One stacked trace a group of components over the periods; `rows` of a table with component and value.
function stackTraces(contributions, rows, periods, x) {
  const place = new Map(periods.map((period, i) => [period, i]));
  const groups = componentNames(contributions), sums = groups.map(() => periods.map(() => 0)), of = new Map();
  groups.forEach(([, members], g) => members.forEach((member) => of.set(member, g)));
  const time = contributions.columns.includes("period") ? "period" : "week";
  for (const row of rows) sums[of.get(contributions.at("component", row))][place.get(contributions.at(time, row))] += contributions.at("value", row);
  return groups.map(([name], g) => ({ name, values: sums[g] })).filter((trace) => trace.values.some((value) => value !== 0)).map((trace, i) => ({
    type: "bar", x, y: trace.values, name: plain(trace.name),
    marker: { color: trace.name === "baseline" ? color("line") : kPalette[i % kPalette.length] }, hovertemplate: "%{y:.4g}<extra>%{fullData.name}</extra>",
  }));
}

addView({
  id: "contributions", group: "What drove it", title: "Contributions over time",
  shows: "What each component adds to the prediction; in every period the pieces sum to it, in a region as in all of them.",
  watch: "a baseline that swallows campaigns, and channels marked (not identified), whose piece may be demand.",
  draw(view) {
    const all = table("contributions_total.csv"), regional = table("contributions_by_period.csv"), weekly = table("contributions.csv");
    const chart = view.chart("Contributions by component");
    const numbers = view.numbers(all, []);
    const state = { region: "", kind: stepName };
    const draw = () => {
      const source = state.region === "" ? all : state.kind === stepName ? weekly : regional;
      let rows = source.all();
      if (state.region !== "") rows = source.where("region", state.region, rows);
      if (source.columns.includes("kind")) rows = source.where("kind", state.kind, rows);
      const time = source.columns.includes("period") ? "period" : "week";
      const periods = [...new Set(source.get(time, rows))];
      const x = state.kind === stepName ? weekValues(periods) : periods.map((period) => "" + period);
      chart(() => ({
        traces: stackTraces(source, rows, periods, x),
        layout: { height: 420, barmode: "relative", bargap: state.kind === stepName ? 0 : 0.15,
                  xaxis: { title: { text: state.kind }, type: state.kind === stepName ? undefined : "category" },
                  yaxis: { title: { text: plain(report.run.target) } } },
        legend: true,
      }));
      numbers(rows, source);
    };
    view.select("Region", ["", ...report.run.components], (region) => { state.region = region; draw(); }, (region) => region || "all regions");
    view.select("Period", all.labels("kind"), (kind) => { state.kind = kind; draw(); });
    view.text("Click a name in the legend to hide it, twice to see it alone. The model is additive: there is no interaction of " +
              "channels to share out, so the pieces sum exactly. Interactions of spend go through the graph of channels below.");
  },
});

addView({
  id: "waterfall", group: "What drove it", title: "From baseline to total",
  shows: "The same over all weeks and regions: each component's step on the way to the predicted total.",
  watch: "small steps beside a large baseline: an error of one percent there is as large as a channel.",
  draw(view) {
    const all = table("contributions_total.csv");
    const sums = new Map();
    for (const row of all.where("kind", stepName)) {
      const name = all.at("component", row);
      sums.set(name, (sums.get(name) || 0) + all.at("value", row));
    }
    const steps = componentNames(all).slice(0, 4).filter(([, members]) => members.some((member) => sums.get(member)))
      .map(([name, members]) => [plain(name), members.reduce((sum, member) => sum + sums.get(member), 0)]);
    for (const channel of channelsBySize) steps.push([tick(channel), sums.get(media(channel))]);
    const total = steps.reduce((sum, [, value]) => sum + value, 0);
    view.chart("Steps from the baseline to the predicted total", () => ({
      traces: [{
        type: "waterfall", orientation: "h", y: [...steps, 0].map((_, i) => i), x: [...steps.map(([, value]) => value), 0],
        measure: [...steps.map(() => "relative"), "total"], text: [...steps.map(([, value]) => percent(value / total)), "100 %"], textposition: "outside",
        cliponaxis: false, increasing: { marker: { color: color("accent") } }, decreasing: { marker: { color: kPalette[5] } },
        totals: { marker: { color: color("soft") } }, connector: { line: { color: color("line"), width: 1 } }, hovertemplate: "%{delta:.4g}<extra></extra>",
      }],
      layout: { height: rowsHeight(steps.length + 1), margin: { l: 10, r: 52, t: 30, b: 10 }, xaxis: { title: { text: plain(report.run.target) }, nticks: 5 },
                yaxis: { tickvals: [...steps, 0].map((_, i) => i), ticktext: [...steps.map(([name]) => name), "predicted"], range: [steps.length + 0.5, -0.5] } },
    }));
    view.numbers(summary, byContribution, ["channel", "contribution", "share", "identified"]);
  },
});

function shareColumn(column, rows) {
  return rows.map((row) => {
    const value = summary.at(column, row), share = summary.at("share", row), contribution = summary.at("contribution", row);
    return value === null || !contribution ? null : (value * share) / contribution;
  });
}

addView({
  id: "shares", group: "What drove it", title: "Share of each channel",
  shows: "Each channel's contribution as a share of the predicted total, with its interval.",
  watch: "overlapping intervals: they don't rank channels. " + kVerdict,
  draw(view) {
    view.chart("Channels' shares of the predicted total", () => ({
      traces: dots(channelsBySize, shareColumn("contribution", byContribution).map((v) => 100 * v),
                   shareColumn("contribution_lower", byContribution).map((v) => (v === null ? null : 100 * v)),
                   shareColumn("contribution_upper", byContribution).map((v) => (v === null ? null : 100 * v)), "share, %"),
      layout: { height: rowsHeight(channelsBySize.length), xaxis: { title: { text: "share of the predicted total, %" } }, yaxis: channelAxis(channelsBySize) },
    }));
    view.intervalNote();
    view.numbers(summary, byContribution, ["channel", "contribution", "contribution_lower", "contribution_upper", "share", "identified"]);
  },
});

addView({
  id: "lines", group: "What drove it", title: "One channel's contribution over time",
  shows: "A channel's contribution in all regions, with the interval of its sum spread over the weeks in proportion.",
  watch: "a lower edge at zero: the channel may have had no effect at all.",
  draw(view) {
    const all = table("contributions_total.csv");
    const chart = view.chart("Contribution of the chosen channel");
    const numbers = view.numbers(all, []);
    const state = { channel: channelsBySize.find(isIdentified) || channelsBySize[0], kind: stepName };
    const draw = () => {
      const rows = all.where("component", media(state.channel), all.where("kind", state.kind));
      const periods = all.get("period", rows), x = state.kind === stepName ? weekValues(periods) : periods.map((period) => "" + period);
      chart(() => ({
        traces: [...band(x, all.get("lower", rows), all.get("upper", rows), percent(report.run.interval, 0) + " interval"),
                 { ...line(x, all.get("value", rows), shortWithVerdict(state.channel), { line: { color: color("accent") } }), mode: "lines+markers", marker: { size: 4 } }],
        layout: { height: 320, xaxis: { title: { text: state.kind }, type: state.kind === stepName ? undefined : "category" }, yaxis: { title: { text: plain(report.run.target) } } },
        legend: true,
      }));
      numbers(rows);
    };
    view.select("Channel", channelsBySize, (channel) => { state.channel = channel; draw(); }, withVerdict, state.channel);
    view.select("Period", all.labels("kind"), (kind) => { state.kind = kind; draw(); });
    view.intervalNote();
  },
});

addView({
  id: "roi", group: "What drove it", title: "ROI and marginal ROI",
  shows: "What a " + perUnit + " brought on average, and what one more would bring at the average week (diamonds).",
  watch: "a marginal ROI far below the average one (saturated), and wide intervals. " + kVerdict +
         (report.run.has_spend ? "" : " Without spend in the panel these are per media unit: don't compare channels by them."),
  draw(view) {
    const rows = sortedRows("roi"), channels = rows.map((row) => summary.at("channel", row));
    const positive = [...summary.get("roi", rows), ...summary.get("marginal_roi", rows)].filter((value) => value > 0);
    if (positive.length === 0) return view.missing("No channel has " + spendUnit + " and an effect, so there is no ROI.");
    const least = Math.min(...positive) / 3;
    view.chart("ROI and marginal ROI of each channel", () => {
      const traces = [
        ...dots(channels, summary.get("roi", rows), summary.get("roi_lower", rows), summary.get("roi_upper", rows), "ROI", { least, offset: -0.12 }),
        ...dots(channels, summary.get("marginal_roi", rows), null, null, "marginal ROI", { least, offset: 0.2, hue: kPalette[5], symbol: "diamond" })];
      return { traces, layout: { height: rowsHeight(channels.length), xaxis: { title: { text: plain(report.run.target) + " per " + perUnit }, type: "log", nticks: 5 },
                                 yaxis: channelAxis(channels) }, legend: true };
    }, "The axis is logarithmic; an interval that reaches to 0 begins at the left edge.");
    view.intervalNote();
    view.numbers(summary, rows, ["channel", "spend", "contribution", "roi", "roi_lower", "roi_upper", "marginal_roi", "identified"]);
  },
});

addView({
  id: "coefficients", group: "What drove it", title: "Coefficients over time",
  shows: "What a fully saturated week of the channel would bring, on average over regions: how its strength moved.",
  watch: "strong swings: a coefficient that follows the season may have taken over the season's part.",
  draw(view) {
    const means = table("coefficients_mean.csv");
    const chart = view.chart("Mean coefficient by " + stepName);
    const numbers = view.numbers(means, []);
    view.select("Channel", ["", ...channelsBySize], (channel) => {
      const rows = channel === "" ? means.all() : means.where("channel", channel);
      const traces = () => (channel === "" ? channelsBySize : [channel]).map((name, i) => {
        const own = means.where("channel", name), values = means.get("value", own), mean = values.reduce((a, b) => a + b, 0) / values.length;
        return line(weekValues(means.get("week", own)), channel === "" ? values.map((value) => value / mean) : values, shortWithVerdict(name),
                    { line: { color: kPalette[i % kPalette.length], dash: i >= kPalette.length ? "dot" : "solid" } });
      });
      chart(() => ({
        traces: traces(), legend: true,
        layout: { height: 340, xaxis: { title: { text: stepName } }, yaxis: { title: { text: channel === "" ? "relative to its own mean" : plain(report.run.target) + " a region" } } },
      }));
      numbers(rows);
    }, (channel) => (channel === "" ? "all, relative to their means" : withVerdict(channel)));
  },
});

addView({
  id: "curves", group: "Saturation and carry-over", title: "Response curves",
  shows: "Weekly response to a constant weekly level of " + spendUnit + ", carry-over included: what spend brings, and what one more unit would.",
  watch: "the dashed part, beyond what was ever seen, is extrapolation; the marked point is the average week.",
  draw(view) {
    const curves = table("response_curves.csv"), saturation = table("saturation.csv"), regional = table("region_channels.csv");
    view.pair();
    const response = view.chart("Response curve"), marginal = view.chart("Marginal response");
    view.endPair();
    const note = view.text("");
    const numbers = view.numbers(curves, []);
    const state = { channel: channelsBySize.find(isIdentified) || channelsBySize[0], region: "" };
    const drawMean = () => {
      const rows = curves.where("channel", state.channel), [at] = saturation.where("channel", state.channel);
      const x = curves.get("spend", rows), seen = rows.findIndex((row) => curves.at("extrapolated", row) === "yes"), cut = seen < 0 ? rows.length : seen;
      const value = (column) => saturation.at(column, at);
      const shapes = () => ["half_saturation_spend", "saturation_spend"].filter((column) => value(column) !== null && value(column) <= x[x.length - 1])
        .map((column) => ({ type: "line", xref: "x", yref: "paper", x0: value(column), x1: value(column), y0: 0, y1: 1, line: { color: color("soft"), width: 1, dash: "dot" } }));
      const parts = (y, name) => [
        line(x.slice(0, cut + 1), y.slice(0, cut + 1), name, { line: { color: color("accent") } }),
        line(x.slice(cut), y.slice(cut), "extrapolated", { line: { color: color("accent"), dash: "dash" } }),
      ];
      const point = (y) => ({ type: "scatter", mode: "markers", x: [value("spend")], y: [y], name: "average week", marker: { size: 11, color: kPalette[5] } });
      const axis = { title: { text: "weekly " + spendUnit + " a region" }, rangemode: "tozero" };
      response(() => ({
        traces: [...band(x, curves.get("lower", rows), curves.get("upper", rows), "interval"), ...parts(curves.get("response", rows), "response"), point(value("response"))],
        layout: { height: 340, xaxis: axis, yaxis: { title: { text: plain(report.run.target) + " a week" } }, shapes: shapes() }, legend: true }));
      marginal(() => ({
        traces: [...parts(curves.get("marginal", rows), "marginal response"), point(value("marginal"))],
        layout: { height: 340, xaxis: axis, yaxis: { title: { text: plain(report.run.target) + " per unit more" }, rangemode: "tozero" }, shapes: shapes() }, legend: true }));
      note((isIdentified(state.channel) ? "" : "This channel's effect is not identified. ") +
           "Dotted lines: half of the curve's height at " + rounded(value("half_saturation_spend")) + ", 90 % at " + rounded(value("saturation_spend")) +
           ". As one Hill curve: height " + rounded(value("fitted_height")) + ", half-saturation " + rounded(value("fitted_half_saturation")) + ", exponent " +
           rounded(value("fitted_exponent")) + "; it is off by " + percent(value("fitted_error"), 2) + " of the largest response at most.");
      numbers(rows, curves);
    };
    const drawRegion = () => {
      const [row] = regional.where("channel", state.channel, regional.where("region", state.region)), value = (column) => regional.at(column, row);
      const half = value("half_saturation_spend"), exponent = value("exponent"), height = value("height");
      const x = Array.from({ length: 61 }, (_, i) => (i / 60) * 3 * value("weekly_spend"));
      const hill = (spend) => (half === null ? (value("response") * spend) / value("weekly_spend") : spend > 0 ? height / (1 + (half / spend) ** exponent) : 0);
      const slope = (spend) => (half === null ? value("marginal") : spend > 0 ? (hill(spend) * (1 - hill(spend) / height) * exponent) / spend : 0);
      const axis = { title: { text: "weekly " + spendUnit + " in the region" } };
      const point = (y) => ({ type: "scatter", mode: "markers", x: [value("weekly_spend")], y: [y], name: "average week", marker: { size: 11, color: kPalette[5] } });
      response(() => ({ traces: [line(x, x.map(hill), "response", { line: { color: color("accent") } }), point(value("response"))],
                        layout: { height: 340, xaxis: axis, yaxis: { title: { text: plain(report.run.target) + " a week" } } }, legend: true }));
      marginal(() => ({ traces: [line(x, x.map(slope), "marginal response", { line: { color: color("accent") } }), point(value("marginal"))],
                        layout: { height: 340, xaxis: axis, yaxis: { title: { text: plain(report.run.target) + " per unit more" } } }, legend: true }));
      note((isIdentified(state.channel) ? "" : "This channel's effect is not identified. ") + "The region's own curve, up to three times its average week.");
      numbers([row], regional);
    };
    const draw = () => (state.region === "" ? drawMean() : drawRegion());
    view.select("Channel", channelsBySize, (channel) => { state.channel = channel; draw(); }, withVerdict, state.channel);
    view.select("Region", ["", ...report.run.detail], (region) => { state.region = region; draw(); }, (region) => region || "mean of all regions");
    view.intervalNote();
  },
});

addView({
  id: "saturation", group: "Saturation and carry-over", title: "Saturation and headroom",
  shows: "How much of each curve's height the average week reaches (filled) and leaves (headroom).",
  watch: "headroom is no promise: it is what the curve's shape says, and shapes are known far less well than contributions.",
  draw(view) {
    const saturation = table("saturation.csv");
    const rows = saturation.all().filter((row) => saturation.at("headroom", row) !== null).sort((a, b) => saturation.at("headroom", a) - saturation.at("headroom", b));
    if (rows.length === 0) return view.missing("The model's responses are linear (model.hill.enabled=false): nothing saturates.");
    const channels = rows.map((row) => saturation.at("channel", row)), headroom = saturation.get("headroom", rows).map((value) => 100 * value);
    view.chart("Share of the curve's height that the average week reaches", () => ({
      traces: [
        { type: "bar", orientation: "h", y: channels.map((_, i) => i), x: headroom.map((value) => 100 - value), name: "reached",
          marker: { color: channels.map((channel) => (isIdentified(channel) ? color("accent") : color("line"))) }, hovertemplate: "%{x:.1f} %<extra>reached</extra>" },
        { type: "bar", orientation: "h", y: channels.map((_, i) => i), x: headroom, name: "headroom",
          marker: { color: color("band"), line: { color: color("soft"), width: 1 } }, hovertemplate: "%{x:.1f} %<extra>headroom</extra>" }],
      layout: { height: rowsHeight(channels.length), barmode: "stack", xaxis: { title: { text: "% of the curve's height" }, range: [0, 100] }, yaxis: channelAxis(channels) },
      legend: true,
    }));
    view.numbers(saturation, rows, ["channel", "spend", "half_saturation_spend", "saturation_spend", "headroom", "marginal", "exponent", "identified"], true);
  },
});

// Weights of the carry-over by weeks later, as docs/model.md has them.
function carryOver(decay, peak, weeks) {
  const raw = Array.from({ length: weeks }, (_, lag) => (peak > 0 ? decay ** ((lag - peak) ** 2) : decay ** lag));
  const sum = peak > 0 ? raw.reduce((a, b) => a + b, 0) : 1 / (1 - decay);
  return raw.map((value) => value / sum);
}

addView({
  id: "adstock", group: "Saturation and carry-over", title: "Carry-over",
  shows: "How an effect fades: the part of it that comes in each week after the spend, and each channel's decay with its interval.",
  watch: "intervals as wide as the prior: the panel then says little about how long an effect lasts.",
  draw(view) {
    const adstock = table("adstock.csv"), rows = channelsBySize.map((channel) => adstock.where("channel", channel)[0]);
    view.pair();
    view.chart("Part of the effect by weeks after the spend", () => ({
      traces: channelsBySize.map((channel, i) => ({
        ...line(Array.from({ length: 14 }, (_, lag) => lag), carryOver(adstock.at("decay", rows[i]), adstock.at("peak_week", rows[i]), 14).map((v) => 100 * v), short(channel),
                { line: { color: kPalette[i % kPalette.length], width: 1.5 } }),
        hovertemplate: "%{fullData.name}: %{y:.1f} %<extra></extra>" })),
      layout: { height: Math.max(320, rowsHeight(channelsBySize.length) - 40), xaxis: { title: { text: report.run.step + " after the spend" } }, yaxis: { title: { text: "% of the effect" } } },
    }));
    view.chart("Decay of each channel", () => ({
      traces: dots(channelsBySize, adstock.get("decay", rows), adstock.get("lower", rows), adstock.get("upper", rows), "decay"),
      layout: { height: rowsHeight(channelsBySize.length), xaxis: { title: { text: "decay a " + stepName }, range: [0, 1] }, yaxis: channelAxis(channelsBySize) },
    }));
    view.endPair();
    view.intervalNote();
    view.numbers(adstock, rows);
  },
});

const kNoGraph = ["The graph of channels has no edges: spend on no channel moves with another's beyond chance, or the graph was switched off.",
                  "dcmmm train model.dag.enabled=true ..."];

addView({
  id: "network", group: "Channels and each other", title: "Network of channels",
  shows: "Which channels' spend moves with which: an arrow where the direction is known, a plain line where it isn't; numbers are the change of log spend.",
  watch: "lines without arrows are no causes: two channels may both follow a budget. Drag a channel, or move it with the arrow keys.",
  draw(view) {
    const edges = table("dag.csv");
    if (edges.rows === 0) return view.missing(...kNoGraph);
    view.network(edges);
    view.numbers(edges);
  },
});

addView({
  id: "heatmap", group: "Channels and each other", title: "Edges as a heat map",
  shows: "The same weights as a matrix: rows act on columns; later weeks' effects are added up.",
  watch: "blocks of channels that all move together: they are planned together, and their effects are hard to tell apart.",
  draw(view) {
    const edges = table("dag.csv");
    if (edges.rows === 0) return view.missing(...kNoGraph);
    const names = report.run.channels, z = names.map(() => names.map(() => null));
    for (const row of edges.all()) {
      const from = names.indexOf(edges.at("source", row)), to = names.indexOf(edges.at("target", row));
      z[from][to] = (z[from][to] || 0) + edges.at("weight", row);
    }
    const most = Math.max(...edges.get("weight").map(Math.abs)), labels = names.map((name) => plain(short(name))), places = names.map((_, i) => i);
    const text = names.map((from) => names.map((to) => plain(short(from)) + " on " + plain(short(to))));
    view.chart("Weights of the edges between channels", () => ({
      traces: [heat(z, places, places, text, { colorscale: kDiverging, zmin: -most, zmax: most, hoverongaps: false })],
      layout: { height: 120 + 26 * names.length, xaxis: { tickvals: places, ticktext: labels, tickangle: -60, title: { text: "moved" } },
                yaxis: { tickvals: places, ticktext: labels, autorange: "reversed", title: innerWidth < 600 ? undefined : { text: "moving" } } },
    }));
    view.numbers(table("dag_groups.csv"));
  },
});

addView({
  id: "indirect", group: "Channels and each other", title: "Direct and indirect effects",
  shows: "A channel's own contribution, and what it brings by moving spend on others; the point is their total, with its interval.",
  watch: "indirect parts only exist along arrows of the network; without arrows they are zero, not small.",
  draw(view) {
    if (summary.get("total").every((value) => value === null)) return view.missing(...kNoGraph);
    view.chart("Direct and indirect effects of each channel", () => ({
      traces: [
        { type: "bar", orientation: "h", y: channelsBySize.map((_, i) => i), x: summary.get("direct", byContribution), name: "direct", marker: { color: color("accent") }, opacity: 0.75 },
        { type: "bar", orientation: "h", y: channelsBySize.map((_, i) => i), x: summary.get("indirect", byContribution), name: "indirect", marker: { color: kPalette[1] } },
        ...dots(channelsBySize, summary.get("total", byContribution), summary.get("total_lower", byContribution), summary.get("total_upper", byContribution), "total", { hue: color("ink") })],
      layout: { height: rowsHeight(channelsBySize.length), barmode: "relative", xaxis: { title: { text: plain(report.run.target) }, nticks: 5 }, yaxis: channelAxis(channelsBySize) },
      legend: true,
    }));
    view.numbers(summary, byContribution, ["channel", "direct", "indirect", "total", "indirect_lower", "indirect_upper", "total_lower", "total_upper", "identified"]);
  },
});
