#include "trainer/non_finite.hpp"

#include <cmath>
#include <limits>

#include "common/text.hpp"

// E members, R regions of this rank, T weeks, C channels, K controls.
namespace dcmmm {
namespace {

bool is_finite(const at::Tensor& values) { return values.isfinite().all().item<bool>(); }

bool region_is_finite(const Fit& fit, int64_t member, int64_t region) {
  const FitState& state = fit.state;
  const at::Tensor shared = state.shared_EP.detach().requires_grad_(true);
  const at::Tensor local = state.local_ERL.narrow(1, region, 1).contiguous().detach().requires_grad_(true);
  const ChunkLoss loss = fit.model.chunk_loss(fit.data, fit.anchor, shared, local, {region, 1});
  if (!is_finite(loss.total_E[member])) return false;
  const auto gradient = torch::autograd::grad({loss.total_E[member]}, {shared, local});
  return is_finite(gradient[0]) && is_finite(gradient[1]);
}

// An input at one week, how far it is from its usual size, and its value in the panel.
struct Input {
  std::string name;
  double size, value;
};

// NaN and infinity count as the largest.
double size_of(double scaled) {
  return std::isfinite(scaled) ? std::abs(scaled) : std::numeric_limits<double>::infinity();
}

std::string words_of(const Fit& fit, int64_t member, int64_t region) {
  const FitData& data = fit.data;
  const int64_t T = data.members[static_cast<size_t>(member)].origin, C = data.channels, K = data.controls;
  const Panel& panel = fit.panel;
  const PanelCoordinates& names = panel.coordinates;
  const auto of_region = [&](const at::Tensor& values) { return values[region].to(at::kDouble).contiguous(); };
  const at::Tensor target_T = of_region(data.target_RT), media_TC = of_region(data.media_RTC),
                   control_TK = of_region(data.control_RTK);
  const at::Tensor media_scale_C = data.inverse_media_scale_ERC[member][region].to(at::kDouble),
                   mean_K = data.control_mean_ERK[member][region].to(at::kDouble),
                   control_scale_K = data.inverse_control_scale_ERK[member][region].to(at::kDouble);
  const double mean = data.target_scale_ER[member][region].item<double>();
  Input worst{"the target", -1, 0};
  int64_t worst_week = 0;
  const auto consider = [&](const Input& input, int64_t week) {
    if (!(input.size > worst.size)) return;
    worst = input;
    worst_week = week;
  };
  for (int64_t t = 0; t < T; ++t) {
    if (panel.observed_RT[static_cast<size_t>(region * data.weeks + t)] != 0) {
      const double y = target_T[t].item<double>();
      consider({names.target_column.empty() ? "the target" : names.target_column, size_of(mean == 0 ? y : y / mean), y},
               t);
    }
    for (int64_t c = 0; c < C; ++c) {
      const double x = media_TC[t][c].item<double>();
      consider({names.channels[static_cast<size_t>(c)], size_of(x * media_scale_C[c].item<double>()), x}, t);
    }
    for (int64_t k = 0; k < K; ++k) {
      const double z = control_TK[t][k].item<double>();
      const double scaled = (z - mean_K[k].item<double>()) * control_scale_K[k].item<double>();
      consider({names.controls[static_cast<size_t>(k)], size_of(scaled), z}, t);
    }
  }
  const std::string times =
      std::isfinite(worst.size) ? text(", ", shortest(std::round(10 * worst.size) / 10), " times its usual size") : "";
  return text("region '", names.regions[static_cast<size_t>(panel.first_region + region)], "', at ",
              names.weeks[static_cast<size_t>(worst_week)], ", '", worst.name, "' is ", shortest(worst.value), times);
}

}  // namespace

std::string where_not_finite(const Fit& fit, int64_t member) {
  int64_t region = 0;
  while (region < fit.data.regions && region_is_finite(fit, member, region)) ++region;
  const bool found = region < fit.data.regions;
  Communicator& communicator = fit.loop.communicator();
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  double first = found ? -static_cast<double>(fit.panel.first_region + region) : kNone;
  const double mine = first;
  communicator.all_reduce_max({&first, 1});
  if (first == kNone) return "no region by itself has one, only their sum or the priors";
  double owner = found && mine == first ? communicator.rank() : -1;
  communicator.all_reduce_max({&owner, 1});
  std::string words;
  if (owner == communicator.rank()) words = words_of(fit, member, region);
  communicator.broadcast(words, static_cast<int>(owner));
  return words;
}

}  // namespace dcmmm
