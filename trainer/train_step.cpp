#include "trainer/train_step.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "common/faults.hpp"
#include "model/large_tensor.hpp"

namespace dcmmm {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Seconds of a thread's chunks.
struct Watch {
  double forward = 0, all = 0;
};

// Sums a tensor of E rows into consecutive doubles.
void add_to(std::span<double> sums, const at::Tensor& values) {
  const at::Tensor flat = values.to(at::kDouble).contiguous();
  const double* from = flat.const_data_ptr<double>();
  for (size_t i = 0; i < sums.size(); ++i) sums[i] += from[i];
}

}  // namespace

std::vector<double> learning_rates(const ParameterLayout& layout, const TrainerOptions& options, bool local) {
  std::vector<double> rates;
  for (const ParameterSlice& slice : local ? layout.local() : layout.shared()) {
    const double rate = slice.group == ParameterGroup::kGru     ? options.gru_rate
                        : slice.group == ParameterGroup::kLocal ? options.local_rate
                                                                : options.shared_rate;
    rates.insert(rates.end(), static_cast<size_t>(slice.count), rate);
  }
  return rates;
}

FitState make_fit_state(const ParameterLayout& layout, const FitData& data, const at::Tensor& shared_EP) {
  FitState state;
  state.shared_EP = shared_EP.to(data.type, false, /*copy=*/true);
  const auto local_zeros = [&] {
    return large_zeros({data.member_count(), data.regions, layout.local_count()}, data.type);
  };
  state.local_ERL = local_zeros();
  state.shared_first_EP = at::zeros_like(state.shared_EP);
  state.shared_second_EP = at::zeros_like(state.shared_EP);
  state.local_first_ERL = local_zeros();
  state.local_second_ERL = local_zeros();
  state.active_E.assign(data.members.size(), 1.0);
  return state;
}

StepReport train_step(const Mmm& model, const FitData& data, const Anchor& anchor, const TrainerOptions& options,
                      const RegionLoop& loop, FitState& state, double signal, GraphTerm* graph) {
  const int64_t E = data.member_count(), P = model.layout().shared_count(), of_model = E * P + 4 * E;
  StepReport report;
  const auto start = Clock::now();
  fault_point("step");

  std::optional<LiftPull> pull;
  if (!data.lifts.empty()) pull = model.lift_pull(data, anchor, state.shared_EP, state.local_ERL, loop);

  // Forward and backward, chunk by chunk. Shared gradients and loss terms travel; local gradients stay.
  at::Tensor local_gradient = at::empty_like(state.local_ERL);  // each region is in one chunk
  double signals[] = {signal};
  std::vector<Watch> watches(static_cast<size_t>(at::get_num_threads()));
  const std::vector<double> sums = loop.sum_of_members(
      of_model + (graph != nullptr ? graph->sums() : 0), E,
      [&](Chunk chunk, MemberRun run, std::span<double> total) {
        const auto chunk_start = Clock::now();
        const auto of_run = [&](const at::Tensor& of_members) { return of_members.narrow(0, run.first, run.count); };
        // Of a run's sums, `width` numbers a member, that begin at `first` of all members'.
        const auto add = [&](int64_t first, int64_t width, const at::Tensor& values) {
          add_to(total.subspan(static_cast<size_t>(first + run.first * width), static_cast<size_t>(run.count * width)),
                 values);
        };
        const at::Tensor shared = of_run(state.shared_EP).detach().requires_grad_(true);
        const at::Tensor local =
            of_run(state.local_ERL).narrow(1, chunk.first, chunk.count).contiguous().detach().requires_grad_(true);
        const std::optional<LiftPull> run_pull = pull ? std::optional(pull->only(run.first, run.count)) : std::nullopt;
        const ChunkLoss loss =
            model.chunk_loss(data.only(run.first, run.count), anchor.only(run.first, run.count), shared, local, chunk,
                             run_pull ? &*run_pull : nullptr, loop.plan().first_region);
        const double forward = seconds_since(chunk_start);
        const auto gradient = torch::autograd::grad({loss.total_E.sum()}, {shared, local});
        of_run(local_gradient).narrow(1, chunk.first, chunk.count).copy_(gradient[1]);
        add(0, P, gradient[0]);
        fault_point("gradient", total);
        add(E * P, 1, loss.data_E);
        add(E * P + E, 1, loss.deviation_E);
        add(E * P + 2 * E, 1, loss.region_E);
        add(E * P + 3 * E, 1, gradient[1].isfinite().flatten(1).all(1).logical_not());
        if (graph != nullptr && run.first == 0) graph->add(chunk, total.subspan(static_cast<size_t>(of_model)));
        Watch& watch = watches[at::get_thread_num()];
        watch.forward += forward;
        watch.all += seconds_since(chunk_start);
      },
      signals);
  report.signals = signals[0];
  if (graph != nullptr) {
    graph->take(std::span(sums).subspan(static_cast<size_t>(of_model)));
    report.graph = graph->loss();
  }
  const Watch& slowest =
      *std::max_element(watches.begin(), watches.end(), [](const Watch& a, const Watch& b) { return a.all < b.all; });
  report.seconds.forward = slowest.forward;
  report.seconds.backward = slowest.all - slowest.forward;
  report.seconds.reduce = seconds_since(start) - slowest.all;

  // Priors of the shared parameters: known to every rank, counted once.
  const auto update_start = Clock::now();
  const int threads = at::get_num_threads();
  // LibTorch cuts a sum to a single value among its threads, which changes its last bits.
  if (loop.plan().deterministic) at::set_num_threads(1);
  const at::Tensor shared = state.shared_EP.to(at::kDouble).detach().requires_grad_(true);
  const at::Tensor penalty_E = model.shared_penalty(data, anchor, shared);
  at::Tensor gradient = torch::autograd::grad({penalty_E.sum()}, {shared})[0];
  gradient += at::from_blob(const_cast<double*>(sums.data()), {E, P}, at::kDouble);

  const at::Tensor norm_E = gradient.norm(2, {1});
  if (loop.plan().deterministic) at::set_num_threads(threads);
  const double base_rate =
      options.learning_rate * schedule(state.step, options.steps, options.warmup_steps, options.final_learning_rate);
  std::vector<double> rate_E(static_cast<size_t>(E));
  for (int64_t e = 0; e < E; ++e) {
    const double* terms = sums.data() + E * P;
    report.data_E.push_back(terms[e]);
    report.deviation_E.push_back(terms[E + e]);
    report.region_E.push_back(terms[2 * E + e]);
    report.penalty_E.push_back(penalty_E[e].item<double>() + (pull ? pull->loss_E[e].item<double>() : 0.0));
    report.loss_E.push_back(terms[e] + terms[E + e] + terms[2 * E + e] + report.penalty_E.back());
    report.gradient_norm_E.push_back(norm_E[e].item<double>());
    if (terms[3 * E + e] > 0) report.gradient_norm_E.back() = std::numeric_limits<double>::quiet_NaN();
    rate_E[e] = report.is_finite(e) ? base_rate * state.active_E[e] : 0;
  }
  report.learning_rate = base_rate;

  // Clips each member's shared gradient and each region's own, so that neither depends on the ranks.
  const AdamW optimizer{.clip = options.clip};
  std::vector<double> decay_E;
  for (const Member& member : data.members) decay_E.push_back(member.weight_decay);
  state.step += 1;
  optimizer.update(state.shared_EP, gradient, state.shared_first_EP, state.shared_second_EP, rate_E, decay_E,
                   learning_rates(model.layout(), options, false), state.step);
  optimizer.update(state.local_ERL, local_gradient, state.local_first_ERL, state.local_second_ERL, rate_E, decay_E,
                   learning_rates(model.layout(), options, true), state.step);
  model.keep_signs(state.shared_EP);
  report.seconds.update = seconds_since(update_start);
  return report;
}

}  // namespace dcmmm
