// Views of how channels move each other's spend.

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
    const most = largestOf(edges.get("weight").map(Math.abs)), labels = names.map((name) => plain(short(name))), places = names.map((_, i) => i);
    const text = names.map((from) => names.map((to) => plain(short(from)) + " on " + plain(short(to))));
    view.chart("Weights of the edges between channels", () => ({
      traces: [heat(z, places, places, text, { colorscale: kDiverging, zmin: -most, zmax: most, hoverongaps: false })],
      layout: { height: 120 + 26 * names.length, xaxis: { ...columnAxis(labels), title: { text: "moved" } },
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
