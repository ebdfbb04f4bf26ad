// Views of the fit and its forecasts.

const kViews = [];  // {id, group, title, shows, watch, draw(view)} in the page's order
function addView(view) { kViews.push(view); }
const metrics = report.metrics || {};

addView({
  id: "training", group: "Fit", title: "Training progress",
  shows: "How the loss fell while the model was trained, and which settings inner forecasts chose.",
  watch: "a curve that still falls at its end was stopped too early; one that jumps to its end has too high a learning rate.",
  draw(view) {
    const history = table("history.csv");
    if (history.rows === 0) {
      view.missing("This fit was computed without training steps (by the likelihood or in closed form), so it has no training curve.");
    } else {
      view.chart("Loss by step", () => ({
        traces: [line(history.get("step"), history.get("loss"), "loss"), line(history.get("step"), history.get("data"), "its data term")],
        layout: { height: 300, xaxis: { title: { text: "step" } }, yaxis: { title: { text: "loss" }, type: "log", dtick: "D2" } }, legend: true,
      }));
      view.numbers(history);
    }
    const tried = ((metrics.settings || {}).candidates || []).filter((row) => row.rmse !== null);
    if (tried.length === 0) return;
    view.chart("Forecast error of each setting that was tried", () => ({
      traces: [{
        type: "bar", orientation: "h", x: tried.map((row) => row.rmse), y: tried.map((_, i) => i),
        marker: { color: tried.map((row) => (row.chosen ? color("accent") : color("line"))) },
        hovertext: tried.map((row) => plain(row.setting + " " + row.value)), hovertemplate: "%{hovertext}: %{x:.4g}<extra></extra>",
      }],
      layout: {
        height: 80 + 17 * tried.length, xaxis: { title: { text: "inner RMSE" }, nticks: 5 },
        yaxis: { tickvals: tried.map((_, i) => i), ticktext: tried.map((row) => (row.chosen ? "<b>" : "") + plain(row.setting + " " + row.value) + (row.chosen ? " \u2190 chosen</b>" : "")), range: [tried.length - 0.5, -0.5] },
      },
    }), "Settings are chosen by forecasts inside the training weeks; the held-out weeks aren't looked at.");
  },
});

function holdoutShade(weeks, split) {
  const first = split.indexOf("holdout");
  if (first < 0) return [];
  return [{ type: "rect", xref: "x", yref: "paper", x0: weeks[Math.max(first - 1, 0)], x1: weeks[weeks.length - 1], y0: 0, y1: 1,
            fillcolor: color("soft"), opacity: 0.12, line: { width: 0 } }];
}

addView({
  id: "total", group: "Fit", title: "Actual and predicted, all regions",
  shows: "The target summed over the regions observed in each week, beside the model's prediction; the shaded weeks were held out.",
  watch: "misses of one sign in the shaded weeks: the model then has a level or a trend wrong.",
  draw(view) {
    const totals = table("totals.csv"), weeks = weekValues(totals.get("week"));
    const held = metrics.totals || [], heldWeeks = weekValues(held.map((row) => row.week));
    view.chart("Actual and predicted totals by " + stepName, () => ({
      traces: [
        ...band(heldWeeks, held.map((row) => row.lower), held.map((row) => row.upper), "90 % interval"),
        line(weeks, totals.get("actual"), "actual", { line: { color: color("ink"), width: 1.5 } }),
        line(weeks, totals.get("predicted"), "predicted", { line: { color: color("accent") } }),
      ],
      layout: { height: 380, xaxis: periodAxis(stepName), yaxis: { title: { text: plain(report.run.target) } },
                shapes: holdoutShade(weeks, totals.get("split")) },
      legend: true,
    }));
    view.numbers(totals);
  },
});

addView({
  id: "region", group: "Fit", title: "Actual and predicted by region",
  shows: "The same for one region, with the interval of its predictions.",
  watch: "points outside the band more often than one in ten, and regions whose level the model follows late.",
  draw(view) {
    const prediction = table("prediction.csv");
    const chart = view.chart("Actual and predicted in the chosen region");
    const numbers = view.numbers(prediction, []);
    view.select("Region", report.run.detail, (region) => {
      const rows = prediction.where("region", region), weeks = weekValues(prediction.get("week", rows));
      const column = (name) => prediction.get(name, rows);
      chart(() => ({
        traces: [
          ...band(weeks, column("lower"), column("upper"), percent(report.run.interval, 0) + " interval"),
          { ...line(weeks, column("actual"), "actual", { line: { color: color("ink"), width: 1.5 } }), connectgaps: false },
          line(weeks, column("predicted"), "predicted", { line: { color: color("accent") } }),
        ],
        layout: { height: 360, xaxis: periodAxis(stepName), yaxis: { title: { text: plain(report.run.target) } },
                  shapes: holdoutShade(weeks, column("split")) },
        legend: true,
      }));
      numbers(rows);
    });
    view.detailNote();
  },
});

addView({
  id: "residuals", group: "Fit", title: "What the model leaves over",
  shows: "Residuals (actual minus predicted): their total over time, how they are spread, and how alike they are some weeks apart.",
  watch: "a drift over time, tails far above the normal curve, or autocorrelation beyond the dashed lines: the intervals are then too narrow.",
  draw(view) {
    const totals = table("totals.csv"), spread = table("residual_distribution.csv"), again = table("residual_autocorrelation.csv");
    const weeks = weekValues(totals.get("week"));
    view.chart("Residual of the total by " + stepName, () => ({
      traces: [{ type: "bar", x: weeks, y: totals.all().map((i) => totals.at("actual", i) - totals.at("predicted", i)),
                 marker: { color: totals.get("split").map((split) => (split === "train" ? color("accent") : kPalette[1])) } }],
      layout: { height: 260, xaxis: { title: { text: stepName + " (held-out ones in orange)" } }, yaxis: { title: { text: "actual - predicted" } } },
    }));
    view.pair();
    const centers = spread.all().map((i) => {
      const from = spread.at("from", i), to = spread.at("to", i);
      return from === null ? to - 0.125 : to === null ? from + 0.125 : (from + to) / 2;
    });
    view.chart("Spread of the residuals", () => ({
      traces: [
        { type: "bar", x: centers, y: spread.get("train"), name: "training weeks", marker: { color: color("accent") }, opacity: 0.6 },
        line(centers, spread.get("holdout"), "held-out weeks", { line: { color: kPalette[1] } }),
        line(centers, spread.get("normal"), "normal distribution", { line: { color: color("soft"), dash: "dot" } }),
      ],
      layout: { height: 300, xaxis: { title: { text: "residual, in its region's own RMSE" } }, yaxis: { title: { text: "share of cells" } } },
      legend: true,
    }));
    const limit = again.get("pairs").map((pairs) => 1.96 / Math.sqrt(pairs));
    view.chart("Autocorrelation of the residuals", () => ({
      traces: [
        { type: "bar", x: again.get("lag"), y: again.get("autocorrelation"), name: "autocorrelation", marker: { color: color("accent") } },
        line(again.get("lag"), limit, "95 % limits of no correlation", { line: { color: color("soft"), dash: "dash", width: 1 } }),
        line(again.get("lag"), limit.map((value) => -value), "", { line: { color: color("soft"), dash: "dash", width: 1 }, showlegend: false }),
      ],
      layout: { height: 300, xaxis: { title: { text: "lag, " + report.run.step } }, yaxis: { title: { text: "correlation" } } }, legend: true,
    }));
    view.endPair();
    view.numbers(spread);
    view.numbers(again);
  },
});

const kNaive = Object.keys(metrics.naive || {});
function bestNaive() {
  const usable = kNaive.filter((name) => metrics.naive[name].rmse !== null);
  return usable.sort((a, b) => metrics.naive[a].rmse - metrics.naive[b].rmse)[0];
}

addView({
  id: "holdout", group: "Fit", title: "Held-out weeks: model and naive forecasts",
  shows: "Every held-out region and week, predicted against actual, and the errors of the model beside forecasts that need no model.",
  watch: "a naive forecast with a shorter bar than the model's: its effects then rest on a fit that doesn't forecast.",
  draw(view) {
    const cells = table("holdout.csv"), best = bestNaive();
    if (cells.rows === 0 || best === undefined)
      return view.missing("No weeks were held out.", "dcmmm train data.holdout_weeks=8 ...");
    view.pair();
    view.chart("Predicted against actual in held-out weeks", () => {
      const actual = cells.get("actual"), low = smallestOf(actual.filter((v) => v > 0)), high = largestOf(actual);
      const names = cells.all().map((row) => plain(cells.at("region", row)) + ", " + cells.at("week", row));
      const points = (column, name, hue, symbol) => ({
        type: "scatter", mode: "markers", x: actual, y: cells.get(column), name, text: names,
        marker: { size: 5, color: hue, symbol, opacity: 0.55 }, hovertemplate: "%{text}<br>actual %{x:.4g}<br>predicted %{y:.4g}<extra></extra>",
      });
      return {
        traces: [points(best, "naive " + best, kPalette[1], "x-thin-open"), points("predicted", "model", color("accent"), "circle"),
                 line([low, high], [low, high], "exact", { line: { color: color("soft"), dash: "dash", width: 1 } })],
        layout: { height: 380, xaxis: { title: { text: "actual" }, type: "log" }, yaxis: { title: { text: "predicted" }, type: "log" } },
        legend: true,
      };
    });
    const names = ["model", ...kNaive], rmse = [metrics.holdout.rmse, ...kNaive.map((name) => metrics.naive[name].rmse)];
    view.chart("Error on held-out weeks", () => ({
      traces: [{ type: "bar", orientation: "h", x: rmse, y: names.map((_, i) => i), text: rmse.map(rounded), textposition: "auto",
                 marker: { color: names.map((name) => (name === "model" ? color("accent") : kPalette[1])) }, hovertemplate: "%{x:.5g}<extra></extra>" }],
      layout: { height: 340, xaxis: { title: { text: "RMSE, " + plain(report.run.target) } },
                yaxis: { tickvals: names.map((_, i) => i), ticktext: names, range: [names.length - 0.5, -0.5] } },
    }));
    view.endPair();
    view.numbers(cells);
    view.detailNote();
  },
});

addView({
  id: "rolling", group: "Fit", title: "Rolling-origin skill",
  shows: "The same comparison at several origins: fitted on the weeks before each, judged on the weeks after it.",
  watch: "skill below 1 at some origins or horizons: there the best naive forecast is better.",
  draw(view) {
    const crossval = report.crossval;
    if (!crossval) {
      return view.missing("This report was made without a rolling-origin evaluation. To see it:",
                          "dcmmm crossval run.dir=runs/cv ... && dcmmm report run=RUN report.crossval=runs/cv output=report.html");
    }
    const curves = (cut, title, label) => {
      const places = Object.keys(crossval[cut]);
      view.chart(title, () => ({
        traces: [
          { ...line(places, places.map((place) => crossval[cut][place].model.skill), "model", { line: { color: color("accent") } }), mode: "lines+markers" },
          ...crossval.beside.map((name, i) => ({
            ...line(places, places.map((place) => crossval[cut][place].beside[name].skill), name, { line: { color: kPalette[i + 1], dash: "dot" } }), mode: "lines+markers" })),
          line(places, places.map(() => 1), "best naive forecast", { line: { color: color("soft"), dash: "dash", width: 1 } }),
        ],
        layout: { height: 300, xaxis: { title: { text: label }, type: "category" }, yaxis: { title: { text: "skill (naive RMSE / RMSE)" } } },
        legend: true,
      }));
    };
    view.pair();
    curves("by_origin", "Skill by origin", "training weeks");
    curves("by_horizon", "Skill by horizon", report.run.step + " ahead");
    view.endPair();
    const pooled = crossval.pooled;
    view.text("Over all origins: skill " + rounded(pooled.model.skill) + ", R\u00b2 " + rounded(pooled.model.r2) + ", RMSE " +
              rounded(pooled.model.rmse) + "; intervals cover " + percent(pooled.model.coverage) + " of the cells.");
  },
});
