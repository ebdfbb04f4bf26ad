#include "trainer/fit.hpp"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "comm/control_groups.hpp"
#include "data/split.hpp"
#include "model/large_tensor.hpp"
#include "trainer/evaluation.hpp"

namespace dcmmm {
namespace {

// Regions that may go through a step at once, on each thread, when so many members do.
int64_t chunk_regions(const TrainerOptions& options, const ModelOptions& model, const PanelCoordinates& coordinates,
                      int64_t members, int ranks_here) {
  if (options.region_chunk > 0) return options.region_chunk;
  // Regions, times members, at once: more gain nothing and take memory (docs/benchmarks.md). Few regions take as long
  // to begin as to do.
  constexpr int64_t kFew = 24;
  const int64_t enough = model.gru ? 192 : 384;
  const int64_t limit = memory_of_rank(options, ranks_here) / at::get_num_threads();  // each has a chunk
  // Activations kept for the backward, and gradients, per region, week and member: the GRU's gates and states, its
  // inputs, and what the channels need.
  const auto channels = static_cast<int64_t>(coordinates.channels.size()),
             controls = static_cast<int64_t>(coordinates.controls.size());
  const int64_t numbers = (model.gru ? 20 * model.hidden : 0) + 4 * (channels + controls) + 12 * channels;
  const int64_t bytes =
      numbers * static_cast<int64_t>(coordinates.weeks.size()) * members * 2 * (options.float64 ? 8 : 4);
  // What a region's GRU keeps. Threads beside the main one get memory beyond 64 MiB anew from the system in each step.
  constexpr int64_t kKept = int64_t{48} << 20;
  const int64_t kept = (model.gru ? 5 * model.hidden : 0) * static_cast<int64_t>(coordinates.weeks.size()) * members *
                       (options.float64 ? 8 : 4);
  const int64_t most = std::clamp<int64_t>(
      std::min(enough / std::max<int64_t>(members, 1), kKept / std::max<int64_t>(kept, 1)), kFew, enough);
  return std::clamp<int64_t>(limit / std::max<int64_t>(bytes, 1), 1, most);
}

}  // namespace

Fit::Fit(const ModelOptions& model_options, const TrainerOptions& trainer_options, const Panel& panel_data,
         RegionPlan plan, Communicator& communicator)
    : options(trainer_options),
      panel(panel_data),
      loop(std::move(plan), communicator),
      model(with_names(model_options, panel_data.coordinates.channels, panel_data.coordinates.controls),
            seasonal_period(panel_data.coordinates.step), panel_data.channels(), panel_data.controls(),
            panel_data.coordinates.events()) {}

int64_t memory_of_rank(const TrainerOptions& options, int ranks_here) {
  // All that the machine or the container has, not what is free now: a resumed run must cut its regions as before to
  // get the same bits.
  const int64_t machine_memory = std::min(static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE),
                                          granted_by_control_groups().memory);
  return options.memory_limit > 0 ? options.memory_limit : machine_memory / 8 / std::max(ranks_here, 1);
}

bool is_large(const PanelCoordinates& coordinates, int64_t regions, int64_t memory) {
  const size_t columns = coordinates.channels.size() * (coordinates.has_spend ? 2 : 1) + coordinates.controls.size();
  return static_cast<int64_t>(sizeof(double) * columns * coordinates.weeks.size()) * regions > memory / 4;
}

RegionPlan plan_fit(const TrainerOptions& options, const ModelOptions& model, const PanelCoordinates& coordinates,
                    std::span<const int64_t> observed_cells, int64_t members, int rank, int ranks, int ranks_here) {
  const auto chunk = [&](int64_t of) { return chunk_regions(options, model, coordinates, of, ranks_here); };
  RegionPlan plan = plan_regions(observed_cells, rank, ranks, chunk(members), options.deterministic);
  if (!options.deterministic) plan.rows = chunk(1);
  return plan;
}

std::unique_ptr<Fit> prepare_fit(const Panel& panel, const ModelOptions& model, const TrainerOptions& trainer,
                                 const std::vector<Member>& fitted, int64_t shadowed, RegionPlan plan,
                                 Communicator& communicator) {
  auto fit = std::make_unique<Fit>(model, trainer, panel, std::move(plan), communicator);
  fit->members = static_cast<int64_t>(fitted.size());
  std::vector<Member> members = fitted;
  for (Member& member : members) member.weight_decay = trainer.weight_decay;
  // A shadow needs enough weeks before its origin to be a fit of its own.
  const int64_t origin = fitted[0].origin, inner_origin = origin - trainer.validation_weeks;
  const bool shadows = trainer.validation_weeks > 0 && inner_origin >= kMinimumTrainingWeeks && shadowed > 0;
  for (int64_t m = 0; shadows && m < shadowed; ++m) {
    members.push_back(members[m]);
    members.back().origin = inner_origin;
  }

  fit->data = make_fit_data(panel, members, trainer.float64 ? at::kDouble : at::kFloat, fit->loop, &fit->notes);
  fit->data.lifts = lift_observations(panel, fit->model.options().knowledge, fit->data, fit->loop);
  at::Tensor shared = initial_shared(fit->model.layout(), fit->model.options(), members);
  fit->anchor = fit->model.closed_form(fit->data, shared, fit->loop);
  fit->state = make_fit_state(fit->model.layout(), fit->data, shared);
  if (shadows) {
    const auto count = static_cast<size_t>(shadowed);
    // Which regions count is the same for all shadows: they share their weeks.
    const at::Tensor usable_R = (fit->data.region_weight_ER[fit->members] > 0).contiguous();
    fit->naive_rmse_E.assign(
        count, best_naive_rmse(panel, inner_origin, origin - inner_origin,
                               {usable_R.const_data_ptr<bool>(), static_cast<size_t>(usable_R.numel())}, communicator));
    fit->stopping.best_rmse_E.assign(count, std::numeric_limits<double>::infinity());
    fit->stopping.best_step_E.assign(count, 0);
    fit->stopping.worse_E.assign(count, 0);
    fit->stopping.best_shared_EP = fit->state.shared_EP.clone();
    fit->stopping.best_local_ERL = large_copy(fit->state.local_ERL);
  }
  return fit;
}

std::unique_ptr<Fit> prepare_fit(const Panel& panel, const ModelOptions& model, const TrainerOptions& trainer,
                                 int64_t origin, const std::vector<uint64_t>& seeds, RegionPlan plan,
                                 Communicator& communicator) {
  std::vector<Member> members;
  members.reserve(seeds.size());
  for (const uint64_t seed : seeds) members.push_back(member_of(model, origin, seed));
  return prepare_fit(panel, model, trainer, members, static_cast<int64_t>(members.size()), std::move(plan),
                     communicator);
}

at::Tensor scaled_prediction(const Fit& fit, Chunk chunk, int64_t weeks) {
  const at::NoGradGuard no_gradient;
  const at::Tensor total =
      fit.model
          .effects(fit.data, fit.state.shared_EP, fit.state.local_ERL.narrow(1, chunk.first, chunk.count), chunk, weeks)
          .total();
  const at::Tensor usable = (fit.data.region_weight_ER.narrow(1, chunk.first, chunk.count) > 0).unsqueeze(-1);
  return at::where(usable, total + fit.model.baseline(fit.data, total, chunk).baseline_ERT, at::ones_like(total));
}

std::vector<ExperimentReport> experiment_reports(const Fit& fit) {
  std::vector<ExperimentReport> out;
  if (fit.data.lifts.empty()) return out;
  const std::vector<double> fitted =
      fit.model.all_lifts(fit.data, fit.state.shared_EP, fit.state.local_ERL, fit.loop);  // the first X: member 0's
  const std::vector<Experiment>& tests = fit.model.options().knowledge.experiments;
  for (size_t x = 0; x < tests.size(); ++x)  // observations of ROI come after them
    if (fit.anchor.lift_sd_EX[x] > 0)
      out.push_back(
          {tests[x], fit.anchor.lift_sd_EX[x], fit.anchor.panel_lift_EX[x], fit.anchor.panel_lift_sd_EX[x], fitted[x]});
  return out;
}

TimeState time_state(const Fit& fit) {
  const at::NoGradGuard no_gradient;
  const FitData& data = fit.data;
  const int64_t E = data.member_count(), R = data.regions, last = data.weeks - 1;
  const auto options = at::TensorOptions().dtype(data.type);
  TimeState state{
      at::zeros({E, R, data.channels}, options), {}, {}, at::zeros({E, R}, options), at::zeros({E, R}, options)};
  const ModelOptions& model = fit.model.options();
  if (const auto delayed = static_cast<int64_t>(model.delayed_channels.size()); delayed > 0)
    state.media_ERLC = at::zeros({E, R, model.max_lag - 1, delayed}, options);
  if (fit.model.options().gru) state.gru_ERH = at::zeros({E, R, fit.model.options().hidden}, options);
  fit.loop.each([&](Chunk chunk) {
    const Effects effects = fit.model.effects(
        data, fit.state.shared_EP, fit.state.local_ERL.narrow(1, chunk.first, chunk.count), chunk, data.weeks);
    const Baseline baseline = fit.model.baseline(data, effects.total(), chunk);
    const auto rows = [&](at::Tensor& all) { return all.narrow(1, chunk.first, chunk.count); };
    rows(state.adstock_ERC).copy_(effects.adstock_out_ERC);
    if (state.media_ERLC.defined()) rows(state.media_ERLC).copy_(effects.media_out_ERLC);
    if (state.gru_ERH.defined()) rows(state.gru_ERH).copy_(effects.gru_out_ERH);
    rows(state.baseline_ER).copy_(baseline.baseline_ERT.select(2, last));
    rows(state.level_ER).copy_(baseline.level_ER);
  });
  return state;
}

}  // namespace dcmmm
