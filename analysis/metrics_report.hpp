// What a run reports about itself: metrics.json for programs, the end table for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/crossval_report.hpp"
#include "graph/graph.hpp"
#include "trainer/estimate.hpp"
#include "trainer/evaluation.hpp"

namespace dcmmm {

/// What metrics.json says beside the figures.
struct RunFacts {
  double import_seconds = 0, fit_seconds = 0, evaluate_seconds = 0, total_seconds = 0;
  int64_t steps = 0;              // steps_per_second is steps / fit_seconds
  int64_t peak_memory_bytes = 0;  // the largest of all ranks
  int ranks = 1;
  std::string device = "cpu";
  int64_t shared_parameters = 0, local_parameters = 0;  // local: summed over regions
  SettingsChoice settings;                              // what the fit was made with, and the ladder that chose it
  std::vector<std::string> channels;                    // names
  std::vector<ChannelIdentification> identification;    // of the channels
  // Sums over all cells of which the panel has a row, as the draws', target units.
  std::vector<double> contribution_C;
  double predicted = 0;
  double loss = 0;  // at the end: the descent's loss, or the negative log likelihood of the variance components
  std::optional<Components> components;       // of a fit by the likelihood
  std::vector<ExperimentReport> experiments;  // of a fit by the likelihood
  Graph graph;                                // of the channels; empty: switched off
  double graph_seconds = 0;
  double checkpoint_seconds = 0;  // the part of the fit's that went into writing checkpoints
  std::string version;
  std::string results_sha256;  // of results.h5: export refuses a damaged one
};

/// The content of metrics.json (docs: "metrics.json"), indented, keys in the documented order. Figures that don't
/// apply are null. `holdout` has the holdout's forecasts with
/// 90 % intervals, `weeks` are the panel's labels.
std::string metrics_json(const FitFigures& figures, const OriginForecasts& holdout,
                         const std::vector<std::string>& weeks, const RunFacts& facts);

/// The table at the end of a fit: train and holdout beside every naive forecast on the same cells, then what that
/// means. Lines end with "\n"; figures are in the target's units.
std::string end_table(const FitFigures& figures);

}  // namespace dcmmm
