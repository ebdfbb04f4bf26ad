// Views of what drove the target: contributions and returns.

const summary = table("channel_summary.csv");
for (const row of summary.all()) identified.set(summary.at("channel", row), summary.at("identified", row) === "yes");
shorten(report.run.channels);
const media = (channel) => "media:" + channel;
const perUnit = report.run.has_spend ? "unit of spend" : "media unit";
const returnUnit = (report.run.revenue !== null ? "revenue" : plain(report.run.target)) + " per " + perUnit;
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
      const x = periodValues(state.kind, periods);
      chart(() => ({
        traces: stackTraces(source, rows, periods, x),
        layout: { height: 420, barmode: "relative", bargap: state.kind === stepName ? 0 : 0.15,
                  xaxis: periodAxis(state.kind), yaxis: targetAxis() },
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
    const percents = (column) => shareColumn(column, byContribution).map((v) => (v === null ? null : 100 * v));
    const share = percents("contribution"), lower = percents("contribution_lower"), upper = percents("contribution_upper");
    // What isn't identified may reach up to everything; the others would shrink to points beside it.
    const most = 1.25 * Math.max(...share, ...upper.filter((_, i) => isIdentified(channelsBySize[i]))), isCut = Math.max(...upper) > most;
    view.chart("Channels' shares of the predicted total", () => ({
      traces: dots(channelsBySize, share, lower, upper, "share, %"),
      layout: { height: rowsHeight(channelsBySize.length), yaxis: channelAxis(channelsBySize),
                xaxis: { title: { text: "share of the predicted total, %" }, range: isCut ? [-0.03 * most, most] : undefined } },
    }), isCut ? "Intervals that run off the right edge are of channels that aren't identified; the table has their ends." : "");
    view.intervalNote();
    view.numbers(summary, byContribution, ["channel", "contribution", "contribution_lower", "contribution_upper", "share", "identified"]);
  },
});

addView({
  id: "lines", group: "What drove it", title: "One channel's contribution over time",
  shows: "A channel's contribution in all regions, with the interval of what it brought in each period.",
  watch: "a lower edge at zero: the channel may have had no effect at all.",
  draw(view) {
    const all = table("contributions_total.csv");
    const chart = view.chart("Contribution of the chosen channel");
    const numbers = view.numbers(all, []);
    const state = { channel: channelsBySize.find(isIdentified) || channelsBySize[0], kind: stepName };
    const draw = () => {
      const rows = all.where("component", media(state.channel), all.where("kind", state.kind));
      const x = periodValues(state.kind, all.get("period", rows));
      chart(() => ({
        traces: [...band(x, all.get("lower", rows), all.get("upper", rows), percent(report.run.interval, 0) + " interval"),
                 { ...line(x, all.get("value", rows), shortWithVerdict(state.channel), { line: { color: color("accent") } }), mode: "lines+markers", marker: { size: 4 } }],
        layout: { height: 320, xaxis: periodAxis(state.kind), yaxis: targetAxis() }, legend: true,
      }));
      numbers(rows);
    };
    view.select("Channel", channelsBySize, (channel) => { state.channel = channel; draw(); }, withVerdict, state.channel);
    view.select("Period", all.labels("kind"), (kind) => { state.kind = kind; draw(); });
    view.intervalNote();
  },
});

function drawReturnsByPeriod(view) {
  const returns = table("roi_by_period.csv"), kinds = returns.labels("kind");
  const chart = view.chart("ROI of the chosen channel by period"), numbers = view.numbers(returns, []);
  const state = { channel: channelsBySize.find(isIdentified) || channelsBySize[0], kind: kinds[kinds.length - 2] || kinds[0] };
  const draw = () => {
    const rows = returns.where("channel", state.channel, returns.where("kind", state.kind)), x = periodValues(state.kind, returns.get("period", rows));
    chart(() => ({
      traces: [...band(x, returns.get("roi_lower", rows), returns.get("roi_upper", rows), percent(report.run.interval, 0) + " interval"),
               { ...line(x, returns.get("roi", rows), "ROI", { line: { color: color("accent") } }), mode: "lines+markers" },
               { ...line(x, returns.get("marginal_roi", rows), "marginal ROI", { line: { color: kPalette[5], dash: "dot" } }), mode: "lines+markers",
                 error_y: whiskers(returns.get("marginal_roi", rows), returns.get("marginal_roi_lower", rows), returns.get("marginal_roi_upper", rows)) }],
      layout: { height: 300, xaxis: periodAxis(state.kind), yaxis: { title: { text: returnUnit }, rangemode: "tozero" } }, legend: true,
    }));
    numbers(rows);
  };
  view.select("By period: channel", channelsBySize, (channel) => { state.channel = channel; draw(); }, withVerdict, state.channel);
  view.select("by", kinds, (kind) => { state.kind = kind; draw(); }, undefined, state.kind);
}

addView({
  id: "roi", group: "What drove it", title: "ROI and marginal ROI",
  shows: "What a " + perUnit + " brought on average, and what one more would bring at the average week (diamonds).",
  watch: "a marginal ROI far below the average one (saturated), and wide intervals; a ROI by " + stepName + " holds what earlier spend still brought. " + kVerdict +
         (report.run.has_spend ? "" : " Without spend in the panel these are per media unit: don't compare channels by them."),
  draw(view) {
    const rows = sortedRows("roi"), channels = rows.map((row) => summary.at("channel", row));
    const positive = [...summary.get("roi", rows), ...summary.get("marginal_roi", rows)].filter((value) => value > 0);
    if (positive.length === 0) return view.missing("No channel has " + spendUnit + " and an effect, so there is no ROI.");
    const least = Math.min(...positive) / 3, decades = Math.log10(Math.max(...positive) / least);
    view.chart("ROI and marginal ROI of each channel", () => {
      const traces = [
        ...dots(channels, summary.get("roi", rows), summary.get("roi_lower", rows), summary.get("roi_upper", rows), "ROI", { least, offset: -0.12 }),
        ...dots(channels, summary.get("marginal_roi", rows), summary.get("marginal_roi_lower", rows), summary.get("marginal_roi_upper", rows), "marginal ROI", { least, offset: 0.2, hue: kPalette[5], symbol: "diamond" })];
      return { traces, layout: { height: rowsHeight(channels.length), xaxis: { title: { text: returnUnit }, type: "log", dtick: decades < 3 ? "D2" : 1 },
                                 yaxis: channelAxis(channels) }, legend: true };
    }, "The axis is logarithmic; an interval that reaches to 0 begins at the left edge.");
    view.numbers(summary, rows, ["channel", "spend", "contribution", "roi", "roi_lower", "roi_upper", "marginal_roi", "marginal_roi_lower", "marginal_roi_upper", "identified"]);
    drawReturnsByPeriod(view);
    view.intervalNote();
  },
});

addView({
  id: "coefficients", group: "What drove it", title: "Coefficients over time",
  shows: "What a fully saturated week of the channel would bring, on average over regions: how its strength moved.",
  watch: "strong swings: a coefficient that follows the season may have taken over the season's part.",
  draw(view) {
    const means = table("coefficients_mean.csv");
    const chart = view.chart("Mean coefficient by " + stepName);
    const note = view.text(""), numbers = view.numbers(means, []);
    view.select("Channel", ["", ...channelsBySize], (channel) => {
      const rows = channel === "" ? means.all() : means.where("channel", channel);
      const traces = () => (channel === "" ? channelsBySize : [channel]).map((name, i) => {
        const own = means.where("channel", name), values = means.get("value", own), mean = values.reduce((a, b) => a + b, 0) / values.length;
        return line(weekValues(means.get("week", own)), channel === "" ? values.map((value) => value / mean) : values, shortWithVerdict(name),
                    { line: { color: kPalette[i % kPalette.length], dash: i >= kPalette.length ? "dot" : "solid" } });
      });
      const values = traces().flatMap((trace) => trace.y), least = smallestOf(values), most = largestOf(values), isConstant = most - least < 1e-6 * most;
      chart(() => ({
        traces: traces(), legend: true,
        layout: { height: 340, xaxis: { title: { text: stepName } },
                  yaxis: { title: { text: channel === "" ? "relative to its own mean" : plain(report.run.target) + " a region" }, range: isConstant ? [0.9 * least, 1.1 * most] : undefined } },
      }));
      note(isConstant ? "In this fit coefficients are constant: the panel gives no reason to let them move." : "");
      numbers(rows);
    }, (channel) => (channel === "" ? "all, relative to their means" : withVerdict(channel)));
  },
});
