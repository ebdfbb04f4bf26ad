// Builds the page: summary, contents, a section for each view, theme and printing.

class View {
  constructor(definition) {
    this.body = element("section", { class: "view", id: definition.id, "aria-labelledby": definition.id + "-title" },
                        element("h3", { id: definition.id + "-title" }, definition.title), element("p", { class: "shows" }, definition.shows),
                        element("p", { class: "watch" }, element("b", {}, "Watch out: "), definition.watch));
    this.choices = element("div", { class: "choices" });
    this.body.append(this.choices);
    this.id = definition.id;
    this.place = this.body;
    this.count = 0;
  }
  // Charts up to endPair() stand side by side where there is room.
  pair() { this.place = element("div", { class: "pair" }); this.body.append(this.place); }
  endPair() { this.place = this.body; }

  // A chart, drawn at once where `build` is given; returns a function that draws another one in its place.
  chart(caption, build, note) {
    const name = this.id + (this.count++ > 0 ? "-" + this.count : "");
    const host = element("div", { class: "chart", role: "img", "aria-label": caption + ". Its numbers are in the tables below it.", "data-name": name });
    const button = (format) => {
      const out = element("button", { type: "button", "aria-label": `Save ${caption} as ${format.toUpperCase()}` }, format.toUpperCase());
      out.addEventListener("click", () => saveChart(host, format));
      return out;
    };
    this.place.append(element("figure", {}, element("figcaption", {}, caption + (note ? ". " + note : "")), host, element("div", { class: "save" }, button("png"), button("svg"))));
    if (build) drawChart(host, build);
    return (other) => drawChart(host, other);
  }
  network(edges) {
    const svg = drawNetwork(edges, innerWidth), button = element("button", { type: "button", "aria-label": "Save the network as SVG" }, "SVG");
    button.addEventListener("click", () => save("network.svg", networkFile(svg), "image/svg+xml"));
    this.place.append(element("figure", { style: "color: var(--soft)" }, svg, element("div", { class: "save" }, button)));
  }
  select(label, options, change, text, first) {
    const list = element("select", {}, ...options.map((option) => element("option", { value: option }, text ? text(option) : option)));
    if (first !== undefined) list.value = first;
    list.addEventListener("change", () => change(list.value));
    this.choices.append(element("label", {}, element("span", {}, label), list));
    change(list.value);
  }
  text(sentence) {
    const out = element("p", { class: "quiet" }, sentence);
    this.place.append(out);
    return (other) => { out.textContent = other; };
  }
  missing(sentence, command) {
    this.place.append(element("p", { class: "missing" }, sentence + (command ? " " : ""), command ? element("code", {}, command) : null));
  }
  detailNote(regions = report.run.detail) {
    if (regions.length < report.run.regions)
      this.text(`In detail: the ${regions.length} largest of ${report.run.regions.toLocaleString("en-US")} regions, and those named in report.regions. \`dcmmm export\` has all of them.`);
  }
  intervalNote() {
    if (summary.get("contribution_lower").every((value) => value === null))
      this.missing("No intervals: the run has one ensemble member. To get them:", "dcmmm train ensemble.members=16 ...");
  }
  // The numbers behind the view; returns a function that shows other rows.
  numbers(source, rows, columns, open) {
    if (source.rows === 0) return () => {};
    const label = element("summary", {}), out = element("details", { class: "numbers" }, label);
    let shown = { source, rows: rows || source.all() };
    const fill = () => {
      label.textContent = `Numbers: ${shown.source.name}`;
      for (const child of [...out.children].slice(1)) child.remove();
      if (!out.open) return;
      const download = element("button", { type: "button" }, "Save as CSV");
      download.addEventListener("click", () => save(shown.source.name, shown.source.csv(shown.rows), "text/csv"));
      out.append(download);
      if (shown.rows.length > kShownRows) out.append(element("span", { class: "quiet" }, ` The first ${kShownRows} of ${shown.rows.length.toLocaleString("en-US")} rows:`));
      out.append(tableElement(shown.source, shown.rows, (shown.source === source && columns) || shown.source.columns));
    };
    out.addEventListener("toggle", fill);
    this.body.append(out);
    out.open = Boolean(open);
    fill();
    return (otherRows, otherSource) => { shown = { source: otherSource || source, rows: otherRows }; fill(); };
  }
}

function tiles() {
  const share = summary.get("share").reduce((a, b) => a + (b || 0), 0), holdout = metrics.holdout || {};
  const figures = [["R\u00b2, training", metrics.train && rounded(metrics.train.r2)], ["R\u00b2, held out", rounded(holdout.r2)], ["Error, held out", percent(holdout.relative_error)],
                   ["Skill over naive", rounded(metrics.skill)], ["Intervals cover", percent(metrics.coverage_90)], ["Media's share", percent(share)]];
  return element("dl", { class: "tiles" }, ...figures.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value || "-"))));
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const button = document.getElementById("theme");
  button.setAttribute("aria-pressed", String(dark));
  button.textContent = dark ? "Light" : "Dark";
}

async function build() {
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches);
  document.getElementById("theme").addEventListener("click", () => {
    setTheme(document.documentElement.dataset.theme !== "dark");
    redrawCharts();
  });
  document.getElementById("print").addEventListener("click", () => print());
  // Paper is light.
  let wasDark = false;
  addEventListener("beforeprint", () => {
    wasDark = document.documentElement.dataset.theme === "dark";
    if (wasDark) setTheme(false), redrawCharts();
  });
  addEventListener("afterprint", () => {
    if (wasDark) setTheme(true), redrawCharts();
  });
  let narrow = innerWidth < 600;
  addEventListener("resize", () => {
    if (narrow === innerWidth < 600) return;
    narrow = innerWidth < 600;
    redrawCharts();
  });
  document.getElementById("about").textContent = `Run ${report.run.folder}: ${report.run.target}, ${report.run.regions} regions, ${report.run.weeks.length} ${report.run.step} ` +
    `(${report.run.weeks[0]} to ${report.run.weeks[report.run.weeks.length - 1]}), from ${report.run.source}; dcmmm ${report.run.version}.`;
  const main = document.getElementById("main"), contents = document.getElementById("contents");
  main.append(element("h2", { id: "summary" }, "Summary"),
              element("ul", { class: "summary" }, ...report.summary.map((sentence) => element("li", { class: sentence.kind }, sentence.text))), tiles());
  for (const group of [...new Set(kViews.map((view) => view.group))]) {
    const links = kViews.filter((view) => view.group === group).map((view) => element("li", {}, element("a", { href: "#" + view.id }, view.title)));
    contents.append(element("div", { class: "group" }, element("strong", {}, group), element("ul", {}, ...links)));
  }
  let group = "";
  for (const definition of kViews) {
    if (definition.group !== group) main.append(element("h2", {}, (group = definition.group)));
    const view = new View(definition);
    main.append(view.body);
    try {
      definition.draw(view);
    } catch (error) {  // the other views are still worth having
      view.missing("This view couldn't be drawn: " + error.message);
      console.error(definition.id, error);
    }
    await new Promise((next) => setTimeout(next));  // lets the browser show what stands already
  }
  document.getElementById("status").textContent = "";
  document.body.dataset.ready = "yes";
}

build();
