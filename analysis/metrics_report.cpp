#include "analysis/metrics_report.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "analysis/figures_text.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;

Json settings_json(const SettingsChoice& choice) {
  Json candidates = Json::array();
  for (const SettingsCandidate& row : choice.candidates) {
    Json rmse = Json::array();
    for (const double value : row.rmse_O) rmse.push_back(number_or_null(value));
    candidates.push_back({{"setting", row.setting},
                          {"value", row.value},
                          {"rmse", number_or_null(row.rmse)},
                          {"rmse_by_origin", rmse},
                          {"chosen", row.chosen}});
  }
  return {{"stiffness", choice.options.stiffness},
          {"persistence", choice.options.persistence},
          {"ridge", choice.options.ridge},
          {"ridge_controls", choice.options.ridge_controls},
          {"harmonics", choice.options.harmonics},
          {"size_power", choice.options.size_power},
          {"gru_level_sd", choice.options.gru ? choice.options.gru_level_sd : 0.0},
          {"origins", choice.origin_O},
          {"horizon", choice.horizon},
          {"candidates", candidates}};
}

Json identification_json(const RunFacts& facts) {
  Json out = Json::array();
  for (std::size_t c = 0; c < facts.identification.size(); ++c) {
    const ChannelIdentification& channel = facts.identification[c];
    out.push_back({{"channel", facts.channels[c]},
                   {"identified", channel.is_identified()},
                   {"by_experiment", channel.by_experiment},
                   {"reason", channel.reason.empty() ? Json(nullptr) : Json(channel.reason)},
                   {"local_slope", number_or_null(channel.local_slope)},
                   {"national_slope", number_or_null(channel.national_slope)},
                   {"demand_slope", number_or_null(channel.demand_slope)},
                   {"demand_t", number_or_null(channel.demand_t)},
                   {"collinearity", number_or_null(channel.collinearity)},
                   {"weeks_on", number_or_null(channel.weeks_on)},
                   {"weeks_varying", number_or_null(channel.weeks_varying)}});
  }
  return out;
}

Json experiments_json(const RunFacts& facts) {
  Json out = Json::array();
  for (const ExperimentReport& report : facts.experiments)
    out.push_back({{"experiment", report.test.name},
                   {"channel", facts.channels[static_cast<std::size_t>(report.test.channel)]},
                   {"measured", report.test.lift},
                   {"standard_error", report.test.standard_error},
                   {"spread", report.spread},
                   {"panel", number_or_null(report.panel)},
                   {"panel_sd", number_or_null(report.panel_sd)},
                   {"distance", number_or_null(report.surprise())},
                   {"fitted", number_or_null(report.fitted)},
                   {"residual", number_or_null(report.residual())},
                   {"doubtful", report.is_doubtful()}});
  return out;
}

// On the scale on which they are estimated, beside their names (docs/likelihood.md).
Json components_json(const RunFacts& facts) {
  if (!facts.components) return nullptr;
  Json out;
  for (std::size_t i = 0; i < kComponents; ++i) out[component_specs()[i].name] = facts.components->value[i];
  return out;
}

Json contributions_json(const RunFacts& facts) {
  Json channels = Json::object();
  for (std::size_t c = 0; c < facts.contribution_C.size(); ++c)
    channels[facts.channels[c]] = number_or_null(facts.contribution_C[c]);
  return {{"predicted", number_or_null(facts.predicted)}, {"channels", channels}};
}

Json graph_json(const Graph& graph) {
  if (graph.empty()) return {{"h", nullptr}, {"edges", nullptr}, {"directed", nullptr}, {"unsure", nullptr}};
  const auto directed =
      std::count_if(graph.edges.begin(), graph.edges.end(), [](const GraphEdge& edge) { return edge.is_directed(); });
  return {{"h", graph.h}, {"edges", graph.edges.size()}, {"directed", directed}, {"unsure", graph.unsure}};
}

using Row = std::vector<std::string>;

Row row_of(const std::string& name, const Figures& figures) {
  return {name,
          grouped(static_cast<double>(figures.cells)),
          fixed(figures.r2, 4),
          grouped(figures.rmse),
          percent(figures.relative_error),
          percent(figures.median_region_relative_error)};
}

}  // namespace

std::string metrics_json(const FitFigures& figures, const OriginForecasts& holdout,
                         const std::vector<std::string>& weeks, const RunFacts& facts) {
  const Coverage coverage = crossval_coverage({holdout}, {});
  Json totals = Json::array();
  for (std::size_t n = 0; n < holdout.total_actual_N.size(); ++n)
    totals.push_back({{"week", weeks[static_cast<std::size_t>(holdout.first_week) + n]},
                      {"actual", number_or_null(holdout.total_actual_N[n])},
                      {"predicted", number_or_null(holdout.total_predicted_N[n])},
                      {"lower", number_or_null(holdout.total_lower_N[n])},
                      {"upper", number_or_null(holdout.total_upper_N[n])}});
  Json naive;
  for (std::size_t kind = 0; kind < kNaiveKinds; ++kind) {
    naive[kNaiveNames[kind]] = {{"r2", number_or_null(figures.naive[kind].r2)},
                                {"rmse", number_or_null(figures.naive[kind].rmse)}};
  }
  const Json metrics = {{"train", figures_json(figures.train)},
                        {"holdout", figures_json(figures.holdout)},
                        {"naive", naive},
                        {"skill", number_or_null(figures.skill())},
                        {"gap", number_or_null(figures.gap())},
                        {"coverage_90", number_or_null(coverage.of_cells())},
                        {"coverage_90_totals", number_or_null(coverage.of_totals())},
                        {"totals", totals},
                        {"dag", graph_json(facts.graph)},
                        {"seconds",
                         {{"total", number_or_null(facts.total_seconds)},
                          {"import", number_or_null(facts.import_seconds)},
                          {"graph", number_or_null(facts.graph_seconds)},
                          {"fit", number_or_null(facts.fit_seconds)},
                          {"checkpoints", number_or_null(facts.checkpoint_seconds)},
                          {"evaluate", number_or_null(facts.evaluate_seconds)}}},
                        {"steps", facts.steps},
                        {"steps_per_second", number_or_null(static_cast<double>(facts.steps) / facts.fit_seconds)},
                        {"peak_memory_bytes", facts.peak_memory_bytes},
                        {"ranks", facts.ranks},
                        {"device", facts.device},
                        {"parameters", {{"shared", facts.shared_parameters}, {"local", facts.local_parameters}}},
                        {"estimator", facts.components ? "likelihood" : "descent"},
                        {"media_unit", name_of(facts.settings.options.media_unit)},
                        {"size_offset", facts.settings.options.size_offset},
                        {"loss", number_or_null(facts.loss)},
                        {"contributions", contributions_json(facts)},
                        {"identification", identification_json(facts)},
                        {"components", components_json(facts)},
                        {"experiments", experiments_json(facts)},
                        {"settings", settings_json(facts.settings)},
                        {"version", facts.version},
                        {"results_sha256", facts.results_sha256}};
  return metrics.dump(2) + "\n";
}

std::string end_table(const FitFigures& figures) {
  const int best = figures.best_naive();
  std::vector<Row> rows = {{"", "cells", "R2", "RMSE", "relative error", "median region error"},
                           row_of("train", figures.train)};
  if (best < 0) {
    return aligned(rows) +
           "No holdout: no week is held out (data.holdout_weeks), or no target is known in those that are. Nothing "
           "says "
           "how the model does on weeks it has not seen.\n";
  }
  rows.push_back(row_of("holdout", figures.holdout));
  for (std::size_t kind = 0; kind < kNaiveKinds; ++kind) {
    rows.push_back(row_of(text("  naive ", kNaiveNames[kind], static_cast<int>(kind) == best ? " (best)" : ""),
                          figures.naive[kind]));
  }
  std::string out = aligned(rows) + text("Gap (train R2 - holdout R2): ", fixed(100 * figures.gap(), 2), " points.\n");
  const double ratio = figures.skill();
  const auto* name = kNaiveNames[static_cast<std::size_t>(best)];
  if (!std::isfinite(ratio)) return out;
  if (ratio > 1) {
    out += text("On the holdout the model beats every naive forecast: its RMSE is ", fixed(100 * (1 - 1 / ratio), 1),
                " % below that of the best one, ", name, " (skill ", fixed(ratio, 3), ").\n");
  } else {
    out += text("On the holdout the model does NOT beat the naive forecast ", name, ": its RMSE is ",
                fixed(100 * (1 / ratio - 1), 1), " % above (skill ", fixed(ratio, 3), ").\n");
  }
  return out;
}

}  // namespace dcmmm
