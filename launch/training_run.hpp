// One training run between its panel and its files: the descent with its checkpoints, and the results.
#pragma once

#include <chrono>
#include <vector>

#include "analysis/channel_effects.hpp"
#include "analysis/forecast_rows.hpp"
#include "analysis/metrics_report.hpp"
#include "comm/mesh.hpp"
#include "data/panel_file.hpp"
#include "graph/learn_graph.hpp"
#include "launch/commands.hpp"
#include "launch/run_folder.hpp"
#include "trainer/estimate.hpp"
#include "trainer/trainer.hpp"

namespace dcmmm {

/// How long stages took.
class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// Everything of one training run, between its panel and its files.
struct TrainingRun {
  CommandContext& context;
  RunFolder folder;
  const PanelFile& file;
  Mesh& mesh;
  Fit& fit;
  const std::vector<ChannelIdentification>& identification;
  Graph& graph;
  JointGraph* joint;  // null: the graph is there

  /// `checkpoint_seconds`: how long this process wrote checkpoints.
  Outcome descend(double& checkpoint_seconds) const;

  /// results.h5, and the figures of train and holdout: the first row's first member, and the draws of all; `holdout`
  /// gets its forecasts with intervals, `facts` the sums of contributions and predictions. Collective.
  FitFigures write_results(OriginForecasts& holdout, RunFacts& facts) const;

 private:
  bool writes_text() const { return context.world.rank() == 0; }
  void write_history() const;
  void try_history() const;
  void say_what_channels_bring(const SharedResults& shared, const EffectSums& effects, double predicted) const;
};

}  // namespace dcmmm
