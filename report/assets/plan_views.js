// What `dcmmm plan` left in the run folder, where it did.

const plan = report.plan;
const planUnit = plan && plan.facts.currency ? "spend" : spendUnit;
function planTable(name) { return new Table("plan/" + name, plan && plan.tables[name]); }

function drawPlan(view) {
  const channels = planTable("channels.csv"), facts = plan.facts;
  const rows = channels.all().sort((a, b) => channels.at("spend_plan", b) - channels.at("spend_plan", a));
  const names = channels.get("channel", rows), places = names.map((_, i) => i);
  const bars = (column, name, hue) => ({ type: "bar", orientation: "h", y: places, x: channels.get(column, rows), name, marker: { color: hue }, hovertemplate: "%{x:.4g}<extra>" + name + "</extra>" });
  view.text(`A budget of ${rounded(facts.budget)}${planUnit === "spend" ? "" : " media units"} over ${facts.horizon_weeks} ${report.run.step} (${facts.first_week} to ${facts.last_week}), decided by ${facts.level === "all" ? "channel x region x week" : facts.level.replaceAll("_", " x ")}, ` +
            `compared with ${facts.now_first_week} to ${facts.now_last_week}.` + (facts.kept.length > 0 ? ` Kept as they are: ${facts.kept.map((row) => `${row.channel} (${row.reason})`).join(", ")}.` : ""));
  const moving = summary.all().filter((row) => summary.at("indirect", row)).map((row) => summary.at("channel", row));
  if (moving.length > 0) view.text(`A plan sets every channel's spend itself: the indirect effects of ${moving.join(", ")} don't count in it.`);
  view.pair();
  view.chart("Spend now and planned", () => ({
    traces: [bars("spend_now", "now", color("soft")), bars("spend_plan", "plan", color("accent"))],
    layout: { height: rowsHeight(names.length) + 40, barmode: "group", xaxis: { title: { text: planUnit }, nticks: 5 }, yaxis: channelAxis(names) }, legend: true }));
  view.chart("Outcome now and planned", () => ({
    traces: [...dots(names, channels.get("outcome_now", rows), channels.get("outcome_now_lower", rows), channels.get("outcome_now_upper", rows), "now", { hue: color("soft"), offset: -0.15 }),
             ...dots(names, channels.get("outcome_plan", rows), channels.get("outcome_plan_lower", rows), channels.get("outcome_plan_upper", rows), "plan", { offset: 0.15, symbol: "diamond" })],
    layout: { height: rowsHeight(names.length) + 40, xaxis: { title: { text: plain(report.run.target) }, nticks: 5 }, yaxis: channelAxis(names) }, legend: true }));
  view.endPair();
  drawFlighting(view);
  view.numbers(channels, rows, ["channel", "spend_now", "spend_plan", "outcome_now", "outcome_plan", "outcome_plan_lower", "outcome_plan_upper", "marginal_now", "marginal_plan", "status"], true);
}

// Spend by week, where the plan decided by week.
function drawFlighting(view) {
  const spend = plan.by_week;
  if (!spend) return;
  const weeks = spend.weeks.length, sums = Array.from({ length: weeks }, (_, week) => spend.now_CW.reduce((sum, value, i) => sum + (i % weeks === week ? value : 0), 0));
  view.chart("Planned spend by " + stepName, () => ({
    traces: [...spend.channels.map((channel, c) => ({ type: "bar", x: weekValues(spend.weeks), y: spend.plan_CW.slice(c * weeks, (c + 1) * weeks), name: plain(shortWithVerdict(channel)), marker: { color: kPalette[c % kPalette.length] } })),
             { ...line(weekValues(spend.weeks), sums, "today", { line: { color: color("ink"), dash: "dot" } }) }],
    layout: { height: 340, barmode: "stack", xaxis: { title: { text: stepName } }, yaxis: { title: { text: planUnit } } }, legend: true,
  }));
}

function drawPlannedScenarios(view) {
  const scenarios = planTable("scenarios.csv");
  if (scenarios.rows === 0) return;
  const names = scenarios.get("scenario"), places = names.map((_, i) => i);
  view.chart("Outcome of each scenario of the plan", () => ({
    traces: dots(names, scenarios.get("outcome"), scenarios.get("outcome_lower"), scenarios.get("outcome_upper"), "outcome"),
    layout: { height: rowsHeight(names.length), xaxis: { title: { text: plain(report.run.target) + " beyond spending nothing" }, nticks: 5 },
              yaxis: { ...channelAxis(names), ticktext: places.map((i) => plain(short(names[i]))) } },
  }));
  view.numbers(scenarios, undefined, undefined, true);
}
