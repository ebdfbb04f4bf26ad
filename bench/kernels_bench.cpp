// The kernels on one thread, each beside its slow alternative: torch's GRU, tensor operations, a dense solve.
// `--regions=N --weeks=N` set the size (190 x 109); all other flags are Google Benchmark's.
// Items are weeks of regions. FLOP/s counts products and sums, with exp, log, tanh and divisions as one each.
// R regions, T weeks, C channels, I inputs, H hidden units.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string_view>

#include "model/kernels/baseline.hpp"
#include "model/kernels/gru.hpp"
#include "model/kernels/media.hpp"
#include "model/operations.hpp"

namespace dcmmm {
namespace {

int64_t R = 190, T = 109;                  // from the command line
constexpr int64_t C = 13, I = 24, H = 32;  // I: channels, controls, season
constexpr int64_t kBlock = 48;             // regions that a thread of the trainer runs through the GRU at once
bool ways_differ = false;
constexpr double kStiffness = 20, kPersistence = 0.95;

template <class Real>
at::Tensor normal(std::vector<int64_t> shape, double scale = 1) {
  static at::Generator generator = at::detail::createCPUGenerator(7);
  return (at::randn(shape, generator, at::kDouble) * scale).to(c10::CppTypeToScalarType<Real>::value);
}

template <class Real>
at::Tensor zeros(std::vector<int64_t> shape) {
  return at::zeros(shape, c10::CppTypeToScalarType<Real>::value);
}

template <class Real>
Real* at_row(const at::Tensor& tensor, int64_t row) {
  return tensor.data_ptr<Real>() + row * tensor.stride(0);
}

void count(benchmark::State& state, double flops_per_week) {
  const double weeks = static_cast<double>(state.iterations() * R * T);
  state.SetItemsProcessed(state.iterations() * R * T);
  state.counters["FLOP/s"] = benchmark::Counter(weeks * flops_per_week, benchmark::Counter::kIsRate);
}

// Measures one of two ways to compute the same tensor: forward alone, or forward and backward to `leaves`.
// An error where the two disagree, as one of them would then measure something else.
template <class Ours, class Theirs>
void compare(benchmark::State& state, const std::vector<at::Tensor>& leaves, bool theirs, bool backward,
             double flops_per_week, const Ours& run_ours, const Theirs& run_theirs) {
  for (at::Tensor leaf : leaves) leaf.requires_grad_(true);
  const at::Tensor expected = run_theirs().detach();
  if (!at::allclose(run_ours().detach(), expected, 1e-3, 1e-4)) {
    ways_differ = true;
    return state.SkipWithError("the two ways to compute it differ");
  }
  const at::Tensor mix = at::rand_like(expected);
  const at::AutoGradMode with_gradient(backward);
  for (auto _ : state) {
    const at::Tensor out = theirs ? run_theirs() : run_ours();
    if (backward) benchmark::DoNotOptimize(torch::autograd::grad({(out * mix).sum()}, leaves));
  }
  count(state, flops_per_week);
}

// ---- The GRU's path, with its output layer.

constexpr double kGruProducts = 2.0 * (3 * H * (H + I) + H * C);

template <class Real>
struct GruCase {
  at::Tensor moving = normal<Real>({1, R, T, C}), fixed = normal<Real>({1, R, T, I - C});
  at::Tensor weight_input = normal<Real>({1, 3 * H, I}, 0.2), weight_hidden = normal<Real>({1, 3 * H, H}, 0.2),
             bias_input = normal<Real>({1, 3 * H}, 0.1), bias_hidden = normal<Real>({1, 3 * H}, 0.1),
             weight_output = normal<Real>({1, C, H}, 0.2), bias_output = normal<Real>({1, C}, 0.1);
};

template <class Real>
void gru_kernel(benchmark::State& state, bool backward) {
  GruCase<Real> in;
  const auto data = [](at::Tensor& tensor) { return tensor.data_ptr<Real>(); };
  const kernels::GruWeightView<Real> view{I,
                                          H,
                                          C,
                                          data(in.weight_input),
                                          data(in.weight_hidden),
                                          data(in.bias_input),
                                          data(in.bias_hidden),
                                          data(in.weight_output),
                                          data(in.bias_output)};
  const kernels::GruPacked<Real> weights(view, false), weights_back(view, true);
  const int64_t G = weights.padded, D = weights.padded_outputs;
  const at::Tensor states = zeros<Real>({R, T, H}), saved = zeros<Real>({R, T, 4 * H}), path = zeros<Real>({R, T, C}),
                   gradient = normal<Real>({R, T, C}), to_moving = zeros<Real>({R, T, C});
  at::Tensor to_input = zeros<Real>({I * 3 * G}), to_hidden = zeros<Real>({H * 3 * G}),
             to_output = zeros<Real>({H * D}), to_bias = zeros<Real>({4 * G}), to_bias_output = zeros<Real>({D});
  const auto inputs = [&](int64_t first) {
    return kernels::GruInputs<Real>{
        C, I - C, 0, Real(0), at_row<Real>(in.moving[0], first), at_row<Real>(in.fixed[0], first), I - C, nullptr};
  };
  const auto forward = [&](int64_t first, int64_t rows) {
    kernels::gru_forward<Real>(weights, {rows, T, inputs(first), nullptr, Real(1), at_row<Real>(states, first),
                                         at_row<Real>(saved, first), at_row<Real>(path, first)});
  };
  for (int64_t first = 0; first < R; first += kBlock) forward(first, std::min(kBlock, R - first));
  for (auto _ : state) {
    for (int64_t first = 0; first < R; first += kBlock) {
      const int64_t rows = std::min(kBlock, R - first);
      if (!backward)
        forward(first, rows);
      else
        kernels::gru_backward<Real>(
            weights_back, {rows,
                           T,
                           inputs(first),
                           nullptr,
                           Real(1),
                           at_row<Real>(states, first),
                           at_row<Real>(saved, first),
                           at_row<Real>(path, first),
                           at_row<Real>(gradient, first),
                           at_row<Real>(to_moving, first),
                           {data(to_input), data(to_hidden), data(to_output), data(to_bias), data(to_bias_output)}});
    }
  }
  count(state, (backward ? 2 : 1) * kGruProducts);
}

template <class Real>
void gru_operation(benchmark::State& state, bool theirs, bool backward) {
  const GruCase<Real> in;
  const at::Tensor start = zeros<Real>({1, R, H});
  compare(
      state,
      {in.moving, in.weight_input, in.weight_hidden, in.bias_input, in.bias_hidden, in.weight_output, in.bias_output},
      theirs, backward, (backward ? 3 : 1) * kGruProducts,
      [&] {
        return gru_path(
                   {in.moving, 0, in.fixed, {}},
                   {in.weight_input, in.weight_hidden, in.bias_input, in.bias_hidden, in.weight_output, in.bias_output},
                   1)
            .path_ERTC;
      },
      [&] {
        const at::Tensor states =
            std::get<0>(at::gru(at::cat({in.moving[0], in.fixed[0]}, -1), start,
                                {in.weight_input[0], in.weight_hidden[0], in.bias_input[0], in.bias_hidden[0]}, true, 1,
                                0.0, true, false, true));
        return (at::matmul(states, in.weight_output[0].t()) + in.bias_output[0]).tanh().unsqueeze(0);
      });
}

// ---- Adstock and Hill.

constexpr double kAdstockHillFlops = 11.0 * C;

template <class Real>
struct MediaCase {
  at::Tensor media = normal<Real>({R, T, C}).abs(), inverse_scale = normal<Real>({1, R, C}).abs();
  at::Tensor decay = normal<Real>({1, C}).sigmoid(), exponent = normal<Real>({1, C}).abs() + 2,
             log_half = normal<Real>({1, C}, 0.3);
};

template <class Real>
void adstock_hill_kernel(benchmark::State& state, bool backward) {
  const MediaCase<Real> in;
  const at::Tensor response = zeros<Real>({R, T, C}), gradient = normal<Real>({R, T, C}), sums = zeros<double>({3, C});
  std::vector<Real> scratch;
  for (auto _ : state) {
    for (int64_t r = 0; r < R; ++r) {
      const kernels::AdstockHill<Real> region{T,
                                              C,
                                              at_row<Real>(in.media, r),
                                              at_row<Real>(in.inverse_scale[0], r),
                                              in.decay.template data_ptr<Real>(),
                                              in.exponent.template data_ptr<Real>(),
                                              in.log_half.template data_ptr<Real>(),
                                              nullptr,
                                              at_row<Real>(response, r),
                                              nullptr};
      if (!backward)
        kernels::adstock_hill_forward(region, scratch);
      else
        kernels::adstock_hill_backward(region, at_row<Real>(gradient, r), at_row<double>(sums, 0),
                                       at_row<double>(sums, 1), at_row<double>(sums, 2), scratch);
    }
  }
  count(state, (backward ? 3 : 1) * kAdstockHillFlops);  // backward: the forward again, and twice its work
}

at::Tensor adstock_hill_by_tensors(const at::Tensor& media_RTC, const at::Tensor& inverse_scale_RC,
                                   const at::Tensor& decay_C, const at::Tensor& exponent_C,
                                   const at::Tensor& log_half_C) {
  const at::Tensor scaled = (media_RTC * inverse_scale_RC.unsqueeze(1)).clamp_max(kernels::kMaxScaledMedia);
  std::vector<at::Tensor> adstock_T;
  at::Tensor carried = at::zeros_like(inverse_scale_RC);
  for (int64_t t = 0; t < media_RTC.size(1); ++t)
    adstock_T.push_back(carried = decay_C * carried + (1 - decay_C) * scaled.select(1, t));
  return (exponent_C * ((at::stack(adstock_T, 1) + kernels::kHillOffset).log() - log_half_C)).sigmoid();
}

template <class Real>
void adstock_hill_operation(benchmark::State& state, bool theirs, bool backward) {
  const MediaCase<Real> in;
  compare(
      state, {in.decay, in.exponent, in.log_half}, theirs, backward, (backward ? 4 : 1) * kAdstockHillFlops,
      [&] { return adstock_hill(in.media, in.inverse_scale, in.decay, in.exponent, in.log_half).response_ERTC; },
      [&] {
        return adstock_hill_by_tensors(in.media, in.inverse_scale[0], in.decay[0], in.exponent[0], in.log_half[0])
            .unsqueeze(0);
      });
}

// ---- The channels' effect.

constexpr double kChannelEffectFlops = 9.0 * C;

template <class Real>
struct EffectCase {
  at::Tensor response = normal<Real>({1, R, T, C}).sigmoid(), log_mean = normal<Real>({1, C}),
             offset = normal<Real>({1, R, C}, 0.1), deviation = normal<Real>({1, R, T, C}, 0.1);
};

template <class Real>
void channel_effect_kernel(benchmark::State& state, bool backward) {
  const EffectCase<Real> in;
  const at::Tensor effect = zeros<Real>({R, T}), gradient = normal<Real>({R, T}), to_response = zeros<Real>({R, T, C}),
                   to_deviation = zeros<Real>({R, T, C}), to_offset = zeros<double>({R, C});
  std::vector<Real> scratch;
  for (auto _ : state) {
    for (int64_t r = 0; r < R; ++r) {
      const kernels::ChannelEffect<Real> region{T,
                                                C,
                                                at_row<Real>(in.response[0], r),
                                                in.log_mean.template data_ptr<Real>(),
                                                at_row<Real>(in.offset[0], r),
                                                at_row<Real>(in.deviation[0], r),
                                                at_row<Real>(effect, r)};
      if (!backward)
        kernels::channel_effect_forward(region, scratch);
      else
        kernels::channel_effect_backward(region, at_row<Real>(gradient, r), at_row<Real>(to_response, r),
                                         at_row<Real>(to_deviation, r), at_row<double>(to_offset, r), scratch);
    }
  }
  count(state, (backward ? 2 : 1) * kChannelEffectFlops);
}

template <class Real>
void channel_effect_operation(benchmark::State& state, bool theirs, bool backward) {
  const EffectCase<Real> in;
  compare(
      state, {in.response, in.log_mean, in.offset, in.deviation}, theirs, backward,
      (backward ? 3 : 1) * kChannelEffectFlops,
      [&] { return channel_effect(in.response, in.log_mean, in.offset, in.deviation); },
      [&] {
        return (at::softplus(in.log_mean.view({1, 1, 1, C}) + in.offset.unsqueeze(2) + in.deviation) * in.response)
            .sum(-1);
      });
}

// ---- The baseline and the loss with the baseline profiled out.

constexpr double kBaselineFlops = 35;

at::Tensor cell_weights() { return (normal<double>({R, T}) > -1.5).to(at::kDouble); }

void baseline_solver(benchmark::State& state) {
  const at::Tensor weight = cell_weights(), residual = normal<double>({R, T}), baseline = zeros<double>({R, T});
  const auto length = static_cast<size_t>(T);
  std::vector<double> level(1);
  kernels::BaselineSolver solver;
  for (auto _ : state) {
    for (int64_t r = 0; r < R; ++r) {
      solver.factor({at_row<double>(weight, r), length}, kStiffness, kPersistence);
      solver.solve({at_row<double>(residual, r), length}, 1, {at_row<double>(baseline, r), length}, level);
    }
  }
  count(state, kBaselineFlops);
}

// P0 of kernels/baseline.hpp, as a matrix.
at::Tensor prior_precision() {
  const at::Tensor difference = at::eye(T, at::kDouble) - kPersistence * at::diag(at::ones({T - 1}, at::kDouble), -1);
  difference[0][0] = std::sqrt(1 - kPersistence * kPersistence);
  return kStiffness * at::matmul(difference.t(), difference);
}

// M (e - b), what the residuals leave.
at::Tensor dense_left(const at::Tensor& residual_RT, const at::Tensor& weight_RT, const at::Tensor& prior_TT) {
  const at::Tensor factor = at::linalg_cholesky(at::diag_embed(weight_RT) + prior_TT);
  const at::Tensor right = at::stack({weight_RT * residual_RT, weight_RT}, -1);
  const at::Tensor solved = at::cholesky_solve(right, factor);
  const at::Tensor level_weight = weight_RT * (1 - solved.select(-1, 1));  // Q0 1
  const at::Tensor level = (level_weight * residual_RT).sum(1, true) / level_weight.sum(1, true);
  return weight_RT * (residual_RT - level - solved.select(-1, 0) + level * solved.select(-1, 1));
}

void baseline_dense(benchmark::State& state) {
  const at::Tensor weight = cell_weights(), residual = normal<double>({R, T}), prior = prior_precision();
  for (auto _ : state) benchmark::DoNotOptimize(dense_left(residual, weight, prior));
  count(state, kBaselineFlops);  // those that are needed, to compare
}

template <class Real>
void profiled_loss_operation(benchmark::State& state, bool theirs) {
  constexpr auto type = c10::CppTypeToScalarType<Real>::value;
  const at::Tensor effect = normal<Real>({1, R, T}), target = normal<Real>({1, R, T}),
                   region_weight = normal<Real>({1, R}).abs(), stiffness = at::full({1, R}, kStiffness, at::kDouble);
  const at::Tensor weight = cell_weights().unsqueeze(0).to(type), prior = prior_precision();
  compare(
      state, {effect}, theirs, true, kBaselineFlops + 8,
      [&] { return profiled_loss(effect, target, weight, region_weight, stiffness, {kPersistence}); },
      [&] {
        const at::Tensor residual = (target - effect)[0].to(at::kDouble);
        const at::Tensor left = dense_left(residual, weight[0].to(at::kDouble), prior);
        return (region_weight[0].to(at::kDouble) * (residual * left).sum(1)).sum().view(1);
      });
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
}

template <class Real>
void add_all(const std::string& type) {
  for (const bool backward : {false, true}) {
    const std::string pass = backward ? "backward/" : "forward/", passes = backward ? "forward+backward/" : "forward/";
    const auto add_pair = [&](const std::string& name, void (*kernel)(benchmark::State&, bool),
                              void (*operation)(benchmark::State&, bool, bool), const char* alternative) {
      add(name + "/kernel/" + pass + type, [=](benchmark::State& state) { kernel(state, backward); });
      add(name + "/operation/" + passes + type, [=](benchmark::State& state) { operation(state, false, backward); });
      add(name + "/" + alternative + "/" + passes + type,
          [=](benchmark::State& state) { operation(state, true, backward); });
    };
    add_pair("gru", gru_kernel<Real>, gru_operation<Real>, "torch_gru");
    add_pair("adstock_hill", adstock_hill_kernel<Real>, adstock_hill_operation<Real>, "tensor_loop");
    add_pair("channel_effect", channel_effect_kernel<Real>, channel_effect_operation<Real>, "tensors");
  }
  add("profiled_loss/operation/forward+backward/" + type,
      [](benchmark::State& state) { profiled_loss_operation<Real>(state, false); });
  add("profiled_loss/dense_solve/forward+backward/" + type,
      [](benchmark::State& state) { profiled_loss_operation<Real>(state, true); });
}

// Takes `--name=N` out of the arguments.
void take_size(int& argc, char** argv, std::string_view name, int64_t& size) {
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.substr(0, name.size()) == name)
      size = std::max<int64_t>(2, std::atoll(argv[i] + name.size()));
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
}

}  // namespace
}  // namespace dcmmm

int main(int argc, char** argv) {
  dcmmm::take_size(argc, argv, "--regions=", dcmmm::R);
  dcmmm::take_size(argc, argv, "--weeks=", dcmmm::T);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  at::set_num_threads(1);
  dcmmm::add_all<float>("float32");
  dcmmm::add_all<double>("float64");
  dcmmm::add("baseline/solver/factor+solve/float64", dcmmm::baseline_solver);
  dcmmm::add("baseline/dense_solve/factor+solve/float64", dcmmm::baseline_dense);
  benchmark::AddCustomContext("regions x weeks", std::to_string(dcmmm::R) + " x " + std::to_string(dcmmm::T));
  benchmark::RunSpecifiedBenchmarks();
  return dcmmm::ways_differ ? 1 : 0;
}
