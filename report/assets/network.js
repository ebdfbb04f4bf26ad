// The graph of channels as a picture whose nodes can be dragged, by pointer or by the arrow keys.

function svgElement(kind, attributes) {
  const out = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) out.setAttribute(name, value);
  return out;
}

const kRadius = 13;
let networks = 0;

// For a place of that width, in pixels.
function drawNetwork(edges, width) {
  const kWidth = width < 600 ? 400 : 860, kHeight = 470;
  const names = [...new Set(edges.all().flatMap((row) => [edges.at("source", row), edges.at("target", row)]))];
  const svg = svgElement("svg", { viewBox: `0 0 ${kWidth} ${kHeight}`, class: "network", role: "group",
                                  "aria-label": `Network of ${names.length} channels and ${edges.rows} edges` });
  const arrow = "arrow" + ++networks;
  const marker = svgElement("marker", { id: arrow, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 9, markerHeight: 9, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" });
  marker.append(svgElement("path", { d: "M0 0L10 5L0 10z", fill: "currentColor" }));
  const defs = svgElement("defs", {});
  defs.append(marker);
  svg.append(defs);
  const place = new Map(names.map((name, i) => {
    const angle = (2 * Math.PI * i) / names.length - Math.PI / 2;
    return [name, { x: kWidth / 2 + (width < 600 ? 0.3 : 0.33) * kWidth * Math.cos(angle), y: kHeight / 2 + 0.38 * kHeight * Math.sin(angle) }];
  }));
  const most = Math.max(largestOf(edges.get("weight").map(Math.abs)), 1e-9);
  // Edges between the same two channels bend apart.
  const drawn = edges.all().map((row) => {
    const from = edges.at("source", row), to = edges.at("target", row), pair = [from, to].sort().join("\n"), weight = edges.at("weight", row);
    const isDirected = edges.at("directed", row) === "yes";
    const path = svgElement("path", { class: "edge" + (weight < 0 ? " negative" : ""), "stroke-width": 1 + (4 * Math.abs(weight)) / most });
    if (isDirected) path.setAttribute("marker-end", `url(#${arrow})`);
    const label = svgElement("text", { class: "weight", "text-anchor": "middle" });
    label.textContent = rounded(weight) + (edges.at("lag", row) > 0 ? `, ${edges.at("lag", row)} later` : "");
    const title = svgElement("title", {});
    title.textContent = `${from} ${isDirected ? "moves" : "moves with"} ${to}: ${rounded(weight)}, confidence ${rounded(edges.at("confidence", row))}`;
    path.append(title);
    svg.append(path, label);
    return { from, to, pair, path, label };
  });
  const number = new Map();
  for (const edge of drawn) {
    edge.bend = number.get(edge.pair) || 0;
    number.set(edge.pair, edge.bend + 1);
  }
  const update = () => {
    for (const { from, to, pair, bend, path, label } of drawn) {
      const a = place.get(from), b = place.get(to), length = Math.hypot(b.x - a.x, b.y - a.y) || 1, x = (b.x - a.x) / length, y = (b.y - a.y) / length;
      // Bends are counted from one side of the pair, whichever way the edge goes.
      const side = (pair.startsWith(from + "\n") ? 1 : -1) * (bend - (number.get(pair) - 1) / 2) * 76;
      const middle = { x: (a.x + b.x) / 2 - y * side, y: (a.y + b.y) / 2 + x * side };
      const begin = towards(a, middle), end = towards(b, middle);
      path.setAttribute("d", `M${begin.x} ${begin.y}Q${middle.x} ${middle.y} ${end.x} ${end.y}`);
      label.setAttribute("x", (a.x + b.x) / 4 + middle.x / 2);
      label.setAttribute("y", (a.y + b.y) / 4 + middle.y / 2 - 4);
    }
    for (const [name, group] of nodes) group.setAttribute("transform", `translate(${place.get(name).x} ${place.get(name).y})`);
  };
  const towards = (from, to) => {
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    return { x: from.x + ((to.x - from.x) / length) * (kRadius + 3), y: from.y + ((to.y - from.y) / length) * (kRadius + 3) };
  };
  const move = (name, x, y) => {
    place.set(name, { x: Math.min(Math.max(x, kRadius), kWidth - kRadius), y: Math.min(Math.max(y, kRadius), kHeight - 2.5 * kRadius) });
    update();
  };
  const nodes = new Map(names.map((name) => {
    const group = svgElement("g", { class: "node" + (isIdentified(name) ? "" : " unsure"), tabindex: 0, role: "img", "aria-label": withVerdict(name) + "; arrow keys move it" });
    const label = svgElement("text", { "text-anchor": "middle", y: kRadius + 16 });
    label.textContent = short(name);
    const title = svgElement("title", {});
    title.textContent = withVerdict(name);
    group.append(svgElement("circle", { r: kRadius }), label, title);
    group.addEventListener("pointerdown", (event) => group.setPointerCapture(event.pointerId));
    group.addEventListener("pointermove", (event) => {
      if (!group.hasPointerCapture(event.pointerId)) return;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      move(name, at.x, at.y);
    });
    group.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-12, 0], ArrowRight: [12, 0], ArrowUp: [0, -12], ArrowDown: [0, 12] }[event.key];
      if (!step) return;
      event.preventDefault();
      move(name, place.get(name).x + step[0], place.get(name).y + step[1]);
    });
    svg.append(group);
    return [name, group];
  }));
  update();
  return svg;
}

// A copy with the page's colours written into it, for a file of its own.
function networkFile(svg) {
  const copy = svg.cloneNode(true), rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).map((rule) => rule.cssText)
    .filter((rule) => rule.startsWith(".network")).join("\n").replace(/var\(--([a-z-]+)\)/g, (_, name) => color(name));
  const style = svgElement("style", {});
  style.textContent = rules + `\n.network { background: ${color("ground")}; font-family: sans-serif; color: ${color("soft")}; }`;
  copy.prepend(style);
  const [, , width, height] = svg.getAttribute("viewBox").split(" ");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  return new XMLSerializer().serializeToString(copy);
}
