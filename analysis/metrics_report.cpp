#include "analysis/metrics_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "common/text.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;

/// JSON knows no NaN: what doesn't apply is null.
Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json figures_json(const Figures& figures) {
  return {{"r2", number_or_null(figures.r2)},
          {"rmse", number_or_null(figures.rmse)},
          {"mae", number_or_null(figures.mae)},
          {"relative_error", number_or_null(figures.relative_error)},
          {"wape", number_or_null(figures.wape)},
          {"median_region_r2", number_or_null(figures.median_region_r2)},
          {"median_region_relative_error", number_or_null(figures.median_region_relative_error)},
          {"cells", figures.cells}};
}

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
          {"origins", choice.origin_O},
          {"horizon", choice.horizon},
          {"candidates", candidates}};
}

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  char digits[400];
  std::snprintf(digits, sizeof digits, "%.*f", decimals, value);
  return digits;
}

/// Thousands separated by commas; decimals only where the number is small.
std::string grouped(double value) {
  const double size = std::abs(value);
  std::string digits = fixed(value, size >= 1000 ? 0 : size >= 10 ? 1 : size >= 1 ? 3 : 5);
  if (!std::isfinite(value)) return digits;
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = std::min(digits.find('.'), digits.size()); at > first + 3; at -= 3)
    digits.insert(at - 3, 1, ',');
  return digits;
}

std::string percent(double value) { return std::isfinite(value) ? fixed(100 * value, 2) + " %" : "-"; }

using Row = std::array<std::string, 6>;

Row row_of(const std::string& name, const Figures& figures) {
  return {name,
          grouped(static_cast<double>(figures.cells)),
          fixed(figures.r2, 4),
          grouped(figures.rmse),
          percent(figures.relative_error),
          percent(figures.median_region_relative_error)};
}

std::string aligned(const std::vector<Row>& rows) {
  std::array<std::size_t, 6> width{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    out.append(row[0]).append(width[0] - row[0].size(), ' ');
    for (std::size_t i = 1; i < row.size(); ++i) out.append(2 + width[i] - row[i].size(), ' ').append(row[i]);
    out += '\n';
  }
  return out;
}

}  // namespace

std::string metrics_json(const FitFigures& figures, const RunFacts& facts) {
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
                        {"coverage_90", nullptr},
                        {"dag", {{"h", nullptr}, {"edges", nullptr}}},
                        {"seconds",
                         {{"total", number_or_null(facts.total_seconds)},
                          {"import", number_or_null(facts.import_seconds)},
                          {"fit", number_or_null(facts.fit_seconds)},
                          {"evaluate", number_or_null(facts.evaluate_seconds)}}},
                        {"steps", facts.steps},
                        {"steps_per_second", number_or_null(static_cast<double>(facts.steps) / facts.fit_seconds)},
                        {"peak_memory_bytes", facts.peak_memory_bytes},
                        {"ranks", facts.ranks},
                        {"device", facts.device},
                        {"parameters", {{"shared", facts.shared_parameters}, {"local", facts.local_parameters}}},
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
           "No holdout: nothing says how the model does on weeks it has not seen (data.holdout_weeks).\n";
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
