// Views of saturation and carry-over.

addView({
  id: "curves", group: "Saturation and carry-over", title: "Response curves",
  shows: "Weekly response to a constant weekly level of " + spendUnit + ", carry-over included: what spend brings, and what one more unit would.",
  watch: "the dashed part, beyond what was ever seen, is extrapolation; the marked point is the average week.",
  draw(view) {
    const curves = table("response_curves.csv"), saturation = table("saturation.csv");
    const regionCurves = table("region_curves.csv"), regional = table("region_channels.csv");
    view.pair();
    const response = view.chart("Response curve"), marginal = view.chart("Marginal response");
    view.endPair();
    const note = view.text("");
    const numbers = view.numbers(curves, []);
    const state = { channel: channelsBySize.find(isIdentified) || channelsBySize[0], region: "" };
    // Rows of a table of curves; `value` has the average week and the marked points, in the same channel's other table.
    const drawCurve = (source, rows, value, where, sentence) => {
      const x = source.get("spend", rows), seen = rows.findIndex((row) => source.at("extrapolated", row) === "yes"), cut = seen < 0 ? rows.length : seen;
      const parts = (y, name) => [
        line(x.slice(0, cut + 1), y.slice(0, cut + 1), name, { line: { color: color("accent") } }),
        line(x.slice(cut), y.slice(cut), "extrapolated", { line: { color: color("accent"), dash: "dash" } }),
      ];
      const column = (name, factor) => source.get(name, rows).map((number) => (number === null ? null : factor * number));
      const traces = (name, lower, upper, label, factor) => [
        ...band(x, column(lower, factor), column(upper, factor), percent(report.run.interval, 0) + " interval"),
        ...parts(column(name, factor), label),
        { type: "scatter", mode: "markers", x: [value.spend], y: [factor * value[name]], name: "average week", marker: { size: 11, color: kPalette[5] } },
      ];
      const shapes = () => [value.half, value.saturation].filter((at) => at !== null && at <= x[x.length - 1])
        .map((at) => ({ type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1, line: { color: color("soft"), width: 1, dash: "dot" } }));
      const layout = (axis) => ({ height: 340, xaxis: { title: { text: "weekly " + spendUnit + " " + where }, rangemode: "tozero" }, yaxis: axis, shapes: shapes() });
      const revenue = report.run.revenue;
      response(() => ({ traces: traces("response", "lower", "upper", "response", 1), layout: layout(targetAxis(" a week")), legend: true }));
      marginal(() => ({ traces: traces("marginal", "marginal_lower", "marginal_upper", revenue ? "marginal ROI" : "marginal response", revenue || 1),
                        layout: layout(revenue ? { title: { text: "money per " + spendUnit + " more" }, rangemode: "tozero" } : targetAxis(" per unit more")), legend: true }));
      note((isIdentified(state.channel) ? "" : "This channel's effect is not identified. ") + (value.half === null ? "" :
           "Dotted lines: half of the curve's height at " + rounded(value.half) + ", 90 % at " + rounded(value.saturation) + "; the average week leaves " +
           percent(value.headroom) + " of the height. ") + sentence);
      numbers(rows, source);
    };
    const drawMean = () => {
      const [at] = saturation.where("channel", state.channel), value = (column) => saturation.at(column, at);
      drawCurve(curves, curves.where("channel", state.channel),
                { spend: value("spend"), response: value("response"), marginal: value("marginal"), half: value("half_saturation_spend"),
                  saturation: value("saturation_spend"), headroom: value("headroom") }, "a region",
                value("fitted_height") === null ? "" : "As one Hill curve: height " + rounded(value("fitted_height")) + ", half-saturation " +
                rounded(value("fitted_half_saturation")) + ", exponent " + rounded(value("fitted_exponent")) + "; it is off by " +
                percent(value("fitted_error"), 2) + " of the largest response at most.");
    };
    const drawRegion = () => {
      const [row] = regional.where("channel", state.channel, regional.where("region", state.region)), value = (column) => regional.at(column, row);
      const rows = regionCurves.where("channel", state.channel, regionCurves.where("region", state.region));
      drawCurve(regionCurves, rows,
                { spend: value("weekly_spend"), response: value("response"), marginal: value("marginal"), half: value("half_saturation_spend"),
                  saturation: value("saturation_spend"), headroom: value("headroom") }, "in the region",
                rows.length === 0 ? "The region had none of this channel." :
                value("half_saturation_spend") === null ? "" : "The region's own Hill curve: height " + rounded(value("height")) + ", exponent " + rounded(value("exponent")) + ".");
    };
    const draw = () => (state.region === "" ? drawMean() : drawRegion());
    view.select("Channel", channelsBySize, (channel) => { state.channel = channel; draw(); }, withVerdict, state.channel);
    view.select("Region", ["", ...report.run.curves], (region) => { state.region = region; draw(); }, (region) => region || "mean of all regions");
    view.intervalNote();
    view.detailNote(report.run.curves);
  },
});

addView({
  id: "saturation", group: "Saturation and carry-over", title: "Saturation and headroom",
  shows: "How much of each curve's height the average week reaches (filled, with its interval) and leaves (headroom).",
  watch: "headroom is no promise: it is what the curve's shape says, and shapes are known far less well than contributions.",
  draw(view) {
    const saturation = table("saturation.csv");
    const rows = saturation.all().filter((row) => saturation.at("headroom", row) !== null).sort((a, b) => saturation.at("headroom", a) - saturation.at("headroom", b));
    if (rows.length === 0) return view.missing("The model's responses are linear (model.hill.enabled=false): nothing saturates.");
    const channels = rows.map((row) => saturation.at("channel", row)), headroom = saturation.get("headroom", rows).map((value) => 100 * value);
    const percents = (column) => saturation.get(column, rows).map((value) => (value === null ? null : 100 * (1 - value)));
    view.chart("Share of the curve's height that the average week reaches", () => ({
      traces: [
        { type: "bar", orientation: "h", y: channels.map((_, i) => i), x: headroom.map((value) => 100 - value), name: "reached",
          error_x: { ...whiskers(headroom.map((value) => 100 - value), percents("headroom_upper"), percents("headroom_lower")), color: color("ink") },
          marker: { color: channels.map((channel) => (isIdentified(channel) ? color("accent") : color("line"))) }, hovertemplate: "%{x:.1f} %<extra>reached</extra>" },
        { type: "bar", orientation: "h", y: channels.map((_, i) => i), x: headroom, name: "headroom",
          marker: { color: color("band"), line: { color: color("soft"), width: 1 } }, hovertemplate: "%{x:.1f} %<extra>headroom</extra>" }],
      layout: { height: rowsHeight(channels.length), barmode: "stack", xaxis: { title: { text: "% of the curve's height" }, range: [0, 100] }, yaxis: channelAxis(channels) },
      legend: true,
    }));
    view.numbers(saturation, rows, ["channel", "spend", "half_saturation_spend", "saturation_spend", "headroom", "headroom_lower", "headroom_upper", "marginal", "exponent", "identified"], true);
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
