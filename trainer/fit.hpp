// A fit: the model, its data, what the closed form anchored, and what the descent changes. Everything a checkpoint
// holds. Members 0 ... M-1 are what the user asked for; with validation weeks the first S of them have a shadow, member
// M + i, that trains on an inner origin and is judged on the training weeks after it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/panel.hpp"
#include "likelihood/likelihood_fit.hpp"
#include "model/mmm.hpp"
#include "trainer/device_descent.hpp"
#include "trainer/forecast_interval.hpp"
#include "trainer/options.hpp"
#include "trainer/train_step.hpp"

namespace dcmmm {

/// One line of history.csv: member 0's terms.
struct HistoryRow {
  int64_t step = 0;
  double loss = 0, data = 0, deviation = 0, region = 0, penalty = 0;
  double learning_rate = 0, gradient_norm = 0;
  double validation_rmse = 0;  // NaN where not measured
  double seconds = 0;
  double graph = 0;  // the graph's term in the loss (model.dag.mode=joint)
};

/// Early stopping of each member, decided on its shadow's validation weeks.
struct Stopping {
  std::vector<double> best_rmse_E;  // S values
  std::vector<int64_t> best_step_E, worse_E;
  at::Tensor best_shared_EP, best_local_ERL;
};

struct Fit {
  Fit(const ModelOptions& model_options, const TrainerOptions& trainer_options, const Panel& panel_data,
      RegionPlan plan, Communicator& communicator);

  TrainerOptions options;
  const Panel& panel;
  RegionLoop loop;
  Mmm model;
  int64_t members = 0;  // M
  FitData data;
  std::vector<std::string> notes;  // make_fit_data's
  Anchor anchor;
  FitState state;
  int64_t weights_taken_at = -1;  // the step at which Huber's weights were last taken: not twice at the same
  Stopping stopping;
  std::vector<double> naive_rmse_E;  // best naive forecast of each shadow's validation weeks
  std::vector<HistoryRow> history;
  std::unique_ptr<DeviceDescent> device;  // where the descent's steps are taken while it runs; null: on the CPU
  std::string device_name = "cpu";        // where they were taken
  std::shared_ptr<const LikelihoodFit> likelihood;  // what parameters were read from; null: the descent finds them
  std::optional<ForecastIntervals> intervals;       // of forecasts from this fit (trainer/inner_residuals.hpp)

  /// Members 0 ... shadows() - 1 have a shadow.
  int64_t shadows() const { return data.member_count() - members; }
  bool has_shadows() const { return shadows() > 0; }
};

/// Bytes that this rank may take: options.memory_limit, or its share of an eighth of the machine's memory.
int64_t memory_of_rank(const TrainerOptions& options, int ranks_here);

/// Whether the raw values of `regions` regions would take more than a quarter of a rank's `memory`: they are read in
/// blocks then, and what is made of them is kept in files (common/large_vector.hpp).
bool is_large(const PanelCoordinates& coordinates, int64_t regions, int64_t memory);

/// One rank's regions for fits of `members` (with their shadows) at once: plan_regions() with chunks and rows of
/// options.region_chunk, or of what memory_of_rank leaves room for: 192 rows at the most (384 without a GRU), and
/// chunks of fewer regions the more members there are.
RegionPlan plan_fit(const TrainerOptions& options, const ModelOptions& model, const PanelCoordinates& coordinates,
                    std::span<const int64_t> observed_cells, int64_t members, int rank, int ranks, int ranks_here);

/// Scales, masks and the first phase. All members train on the same weeks; the first `shadowed` of them have a shadow.
/// Collective.
std::unique_ptr<Fit> prepare_fit(const Panel& panel, const ModelOptions& model, const TrainerOptions& trainer,
                                 const std::vector<Member>& fitted, int64_t shadowed, RegionPlan plan,
                                 Communicator& communicator);

/// The same for members with the model's settings, a seed each, all with shadows. `origin`: training weeks. Collective.
std::unique_ptr<Fit> prepare_fit(const Panel& panel, const ModelOptions& model, const TrainerOptions& trainer,
                                 int64_t origin, const std::vector<uint64_t>& seeds, RegionPlan plan,
                                 Communicator& communicator);

/// Experiments beside what the closed form says without them and what the fit says. Collective.
std::vector<ExperimentReport> experiment_reports(const Fit& fit);

/// Everything that runs on in time, after the panel's last week, for all members and this rank's regions.
TimeState time_state(const Fit& fit);

/// Predictions [E, n, weeks] of a chunk in units of m_r, from current parameters; 1 for regions that predict their
/// mean.
at::Tensor scaled_prediction(const Fit& fit, Chunk chunk, int64_t weeks);

}  // namespace dcmmm
