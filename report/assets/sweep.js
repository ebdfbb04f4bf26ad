// The page of a sweep: its best trials, what mattered, the best so far, and all trials as lines.

const study = report;
const complete = study.trials.filter((trial) => trial.objective !== null);

function ink(name) { return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim(); }
function safe(text) { return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"); }

const drawings = [];
function draw(host, traces, layout) {
  const again = () => Plotly.react(host, traces, {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink("ink"), size: 12 },
    margin: { l: 60, r: 30, t: 40, b: 50 }, height: 360, showlegend: false, ...layout,
  }, { responsive: true, displaylogo: false });
  drawings.push(again);
  again();
}

function section(id, title, shows) {
  const host = element("div", { class: "chart", role: "img", "aria-label": title });
  document.getElementById("main").append(
    element("section", { class: "view", id }, element("h3", {}, title), element("p", { class: "shows" }, shows), host));
  document.getElementById("contents").append(element("a", { href: "#" + id }, title), " ");
  return host;
}

function bestTrials() {
  const host = section("best", "Best trials", "The ten best by " + study.objective + ".");
  const head = ["trial", study.objective, ...study.further, ...study.parameters.map((parameter) => parameter.key)];
  const rows = study.best.slice(0, 10).map((number) => study.trials[number]).map((trial) =>
    element("tr", {}, ...[trial.number, rounded(trial.objective), ...trial.further.map(rounded), ...trial.texts].map((cell) => element("td", {}, String(cell)))));
  host.replaceWith(element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Best trials" },
    element("table", { id: "best-trials" }, element("thead", {}, element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)))), element("tbody", {}, ...rows))));
}

function importance() {
  const known = study.parameters.filter((parameter) => parameter.importance !== null).sort((a, b) => a.importance - b.importance);
  const host = section("importance", "Importance", known.length > 0
    ? "Share of the variance of the trials' ranks between groups of one key's values (its choices, or four groups of equal size). Effects of single keys, not of pairs."
    : "Not known: it takes at least 8 complete trials.");
  if (known.length > 0) {
    draw(host, [{ type: "bar", orientation: "h", x: known.map((p) => p.importance), y: known.map((p) => safe(p.key)), marker: { color: "#0072b2" } }],
         { xaxis: { range: [0, 1], title: { text: "share" } }, yaxis: { automargin: true }, height: 120 + 30 * known.length });
  }
}

function bestSoFar() {
  const host = section("best-so-far", "Best so far", "Each complete trial by its number, and the best up to it.");
  let best = null;
  const line = complete.map((trial) => {
    if (best === null || (study.maximises ? trial.objective > best : trial.objective < best)) best = trial.objective;
    return best;
  });
  const numbers = complete.map((trial) => trial.number);
  draw(host, [{ type: "scatter", mode: "markers", x: numbers, y: complete.map((trial) => trial.objective), marker: { color: "#56b4e9" } },
              { type: "scatter", mode: "lines", x: numbers, y: line, line: { shape: "hv", color: "#d55e00" } }],
       { xaxis: { title: { text: "trial" } }, yaxis: { title: { text: safe(study.objective) }, automargin: true } });
}

function front() {
  const host = section("front", "Trials that no other one beats", "Each complete trial by its first two objectives; those that no other trial beats in all objectives are connected.");
  const best = study.front.map((number) => study.trials[number]);
  const trace = (trials, more) => ({ type: "scatter", x: trials.map((trial) => trial.objective), y: trials.map((trial) => trial.further[0]), text: trials.map((trial) => "trial " + trial.number), ...more });
  draw(host, [trace(complete, { mode: "markers", marker: { color: "#56b4e9" } }),
              trace(best, { mode: "lines+markers", line: { color: "#d55e00" }, marker: { color: "#d55e00" } })],
       { xaxis: { title: { text: safe(study.objective) } }, yaxis: { title: { text: safe(study.further[0]) }, automargin: true } });
}

function parallel() {
  const host = section("parallel", "All trials", "A line for each complete trial, through its values to its objective; drag along an axis to pick some.");
  const axes = study.parameters.map((parameter, place) => {
    const known = complete.map((trial) => trial.values[place]).filter((value) => value !== null);
    if (known.length === 0) return null;  // its condition is met in none of them
    const low = smallestOf(known);
    const values = complete.map((trial) => trial.values[place] ?? low);  // a key that doesn't count in a trial
    if (parameter.choices.length > 0) {
      return { label: safe(parameter.key), values, range: [-0.5, parameter.choices.length - 0.5], tickvals: parameter.choices.map((_, i) => i), ticktext: parameter.choices.map(safe) };
    }
    if (!parameter.log) return { label: safe(parameter.key), values };
    const ticks = [...new Set(values)].sort((a, b) => a - b).filter((_, i, all) => i === 0 || i === all.length - 1);
    return { label: safe(parameter.key) + " (log)", values: values.map(Math.log10), tickvals: ticks.map(Math.log10), ticktext: ticks.map(rounded) };
  }).filter((axis) => axis !== null);
  const objective = complete.map((trial) => trial.objective);
  axes.push({ label: safe(study.objective), values: objective });
  draw(host, [{ type: "parcoords", line: { color: objective, colorscale: "Viridis", reversescale: study.maximises }, dimensions: axes }],
       { margin: { l: 90, r: 60, t: 60, b: 30 }, height: 420 });
}

function build() {
  const button = document.getElementById("theme");
  const setTheme = (dark) => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(dark));
    button.textContent = dark ? "Light" : "Dark";
    drawings.forEach((again) => again());
  };
  button.addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));
  document.getElementById("print").addEventListener("click", () => print());
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches);
  document.getElementById("about").textContent = study.about;
  bestTrials();
  importance();
  if (complete.length > 0) {
    if (study.further.length > 0) front();
    else bestSoFar();
    parallel();
  }
  document.getElementById("status").textContent = "";
  document.body.dataset.ready = "yes";
}

build();
