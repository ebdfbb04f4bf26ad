// Views of regions, budget and data.

addView({
  id: "regions", group: "Regions", title: "Regions",
  shows: "Every region as a tile, largest first from the top left, coloured by what you choose; and each region's fit beside its factor on the shared patterns, or beside its size where all factors are alike.",
  watch: "regions of an extreme colour: check their data first. Tiles are in the order of size, not of geography; colours span the middle 96 % of the regions.",
  draw(view) {
    const regions = table("regions.csv"), regional = table("region_channels.csv");
    const rows = regions.all().sort((a, b) => regions.at("actual", b) - regions.at("actual", a));
    const wide = Math.ceil(Math.sqrt(rows.length * 1.6)), high = Math.ceil(rows.length / wide);
    const measures = new Map([
      ["relative error", (row) => regions.at("relative_error", row)], ["R\u00b2 in training weeks", (row) => regions.at("r2", row)],
      ["factor on shared patterns", (row) => regions.at("scale", row)], ["baseline level", (row) => regions.at("baseline_level", row)],
      ["actual, all weeks", (row) => regions.at("actual", row)], ["observed " + report.run.step, (row) => regions.at("observed_weeks", row)]]);
    for (const channel of channelsBySize) {
      const of = new Map(regional.where("channel", channel).map((row) => [regional.at("region", row), regional.at("contribution", row)]));
      measures.set("contribution of " + withVerdict(channel) + ", share", (row) => {
        const value = of.get(regions.at("region", row));
        return value === undefined ? null : value / regions.at("actual", row);
      });
    }
    view.pair();
    const tiles = view.chart("Regions as tiles");
    // The likelihood has one pattern for all regions, and differences of their own instead of a factor.
    const scales = regions.get("scale"), alike = scales.every((value) => value === scales[0]);
    const across = alike ? { column: "actual", name: plain(report.run.target) + ", all " + report.run.step, type: "log" } : { column: "scale", name: "factor on shared patterns" };
    view.chart("Relative error of each region by its " + (alike ? "size" : "factor on shared patterns"), () => {
      const largest = largestOf(regions.get("actual"));
      return {
        traces: [{ type: "scatter", mode: "markers", x: regions.get(across.column, rows), y: regions.get("relative_error", rows).map((v) => (v === null ? null : 100 * v)),
                   text: regions.get("region", rows).map(plain), hovertemplate: "%{text}<br>" + (alike ? "%{x:.4g}" : "factor %{x:.3f}") + "<br>error %{y:.1f} %<extra></extra>",
                   marker: { color: color("accent"), opacity: 0.55, size: regions.get("actual", rows).map((value) => 5 + 22 * Math.sqrt(Math.max(value, 0) / largest)) } }],
        layout: { height: 400, xaxis: { title: { text: across.name }, type: across.type }, yaxis: { title: { text: "relative error, % (larger dots: larger regions)" }, type: "log" } },
      };
    });
    view.endPair();
    view.select("Colour", [...measures.keys()], (name) => {
      const grid = (fill) => Array.from({ length: high }, (_, r) => Array.from({ length: wide }, (_, c) => (r * wide + c < rows.length ? fill(rows[r * wide + c]) : null)));
      // One region far off would leave the others a single colour.
      const sorted = rows.map(measures.get(name)).filter((value) => value !== null).sort((a, b) => a - b), part = (share) => sorted[Math.round(share * (sorted.length - 1))];
      tiles(() => ({
        traces: [heat(grid(measures.get(name)), undefined, undefined, grid((row) => plain(regions.at("region", row))),
                      { colorscale: "Cividis", hoverongaps: false, zmin: part(0.02), zmax: part(0.98) })],
        layout: { height: 400, xaxis: { visible: false }, yaxis: { visible: false, autorange: "reversed" } },
      }));
    });
    view.numbers(regions, rows);
    if (report.run.regions > report.run.detail.length) view.text("A channel's share is known here for the regions in detail; the other tiles are empty then.");
  },
});

// Response to a multiple of the average week, on the exported curve between its points.
function responseAt(curves, rows, spend) {
  const x = curves.get("spend", rows), y = curves.get("response", rows);
  const above = x.findIndex((value) => value >= spend);
  if (above < 0) return y[y.length - 1];
  if (above === 0) return y[0];
  return y[above - 1] + ((y[above] - y[above - 1]) * (spend - x[above - 1])) / (x[above] - x[above - 1]);
}

addView({
  id: "budget", group: "Budget", title: "Budget: now and planned",
  shows: "What each channel gets today and in the plan.",
  watch: "changes on channels that aren't identified, and plans beyond what was ever spent: both rest on the model's shape alone.",
  draw(view) {
    if (!plan) return view.missing("There is no plan for this run. To make one, then this report again:", "dcmmm plan run=RUN plan.budget=AMOUNT && dcmmm report run=RUN output=report.html");
    drawPlan(view);
  },
});

addView({
  id: "scenarios", group: "Budget", title: "Scenarios",
  shows: "The outcomes of a plan's scenarios, where there is a plan; and the change of the weekly response at 80 % and 120 % of each channel's average week, from its response curve.",
  watch: "steady states: a cut shows in full only after the carry-over has faded, and baseline effects of long cuts aren't in it.",
  draw(view) {
    drawPlannedScenarios(view);
    const curves = table("response_curves.csv"), saturation = table("saturation.csv");
    const response = (channel, multiple) => {
      const [row] = saturation.where("channel", channel);
      return multiple === 1 ? saturation.at("response", row) : responseAt(curves, curves.where("channel", channel), multiple * saturation.at("spend", row));
    };
    view.chart("Change of the weekly response a region", () => ({
      traces: [[0.8, "20 % less", kPalette[5]], [1.2, "20 % more", color("accent")]].map(([multiple, name, hue]) => ({
        type: "bar", orientation: "h", name, y: channelsBySize.map((_, i) => i), x: channelsBySize.map((channel) => response(channel, multiple) - response(channel, 1)),
        marker: { color: hue }, hovertemplate: "%{x:.4g}<extra>" + name + "</extra>" })),
      layout: { height: rowsHeight(channelsBySize.length), barmode: "relative", xaxis: { title: { text: plain(report.run.target) + " a week and region" }, nticks: 5 }, yaxis: channelAxis(channelsBySize) },
      legend: true,
    }));
    view.numbers(saturation, channelsBySize.map((channel) => saturation.where("channel", channel)[0]), ["channel", "spend", "response", "marginal", "headroom", "identified"]);
  },
});

addView({
  id: "data", group: "Data", title: "Data quality",
  shows: "How well each channel can be explained by the others, which channels move together within regions, and where weeks are missing.",
  watch: "bars near 1 and dark squares: effects of such channels can't be told apart; held-out cells outside the trained range are extrapolation.",
  draw(view) {
    const correlations = table("correlations.csv"), quality = table("data_quality.csv"), regions = table("regions.csv");
    const names = report.run.channels, places = names.map((_, i) => i), labels = names.map((name) => plain(short(name)));
    view.pair();
    const known = (metrics.identification || []).filter((row) => row.collinearity !== null);
    if (known.length > 0)
      view.chart("How well each channel is explained by the other channels", () => ({
        traces: [{ type: "bar", orientation: "h", x: known.map((row) => row.collinearity), y: known.map((_, i) => i), marker: { color: color("accent") }, hovertemplate: "R\u00b2 %{x:.2f}<extra></extra>" }],
        layout: { height: rowsHeight(known.length), xaxis: { title: { text: "R\u00b2 on the other channels" }, range: [0, 1] }, yaxis: channelAxis(known.map((row) => row.channel)) },
      }));
    view.chart("Correlation of channels within regions", () => ({
      traces: [heat(names.map((_, a) => names.map((_, b) => correlations.at("correlation", a * names.length + b))), places, places,
                    names.map((a) => names.map((b) => plain(short(a)) + " and " + plain(short(b)))), { colorscale: kDiverging, zmin: -1, zmax: 1 })],
      layout: { height: Math.max(320, rowsHeight(names.length)), xaxis: columnAxis(labels), yaxis: { tickvals: places, ticktext: labels, autorange: "reversed" } },
    }));
    view.endPair();
    const observed = regions.get("observed_weeks"), full = report.run.weeks.length, gaps = observed.filter((weeks) => weeks < full).length;
    view.text(gaps === 0 ? "No region misses a " + stepName + "." : `${gaps} of ${observed.length} regions miss at least one ${stepName}; ${quality.at("missing", 0).toLocaleString("en-US")} cells in all.`);
    if (gaps > 0)
      view.chart("Observed " + report.run.step + " of the regions", () => ({
        traces: [{ type: "histogram", x: observed, marker: { color: color("accent") }, nbinsx: 30 }],
        layout: { height: 240, xaxis: { title: { text: "observed " + report.run.step } }, yaxis: { title: { text: "regions" }, type: "log" } },
      }));
    view.numbers(quality, undefined, undefined, true);
    view.numbers(correlations);
    const unsure = (metrics.identification || []).filter((row) => !row.identified);
    for (const row of unsure) view.text(`${row.channel} is not identified: ${row.reason}.`);
  },
});
