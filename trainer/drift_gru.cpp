#include "trainer/drift_gru.hpp"

#include <cmath>

#include "common/random.hpp"
#include "model/operations.hpp"
#include "trainer/optimizer.hpp"

// N weeks, T training weeks, I inputs, C channels, H hidden units, P parameters.
namespace dcmmm {
namespace {

constexpr int64_t kWarmupSteps = 10;
constexpr double kFinalRate = 0.05, kOutputSpread = 0.01;

// The GRU's parameters in one buffer [1, P], output layer last.
struct Weights {
  int64_t inputs, hidden, channels;

  int64_t gates() const { return 3 * hidden; }
  int64_t output() const { return gates() * (inputs + hidden + 2); }
  int64_t count() const { return output() + channels * (hidden + 1); }

  // Uniform in +-1/sqrt(H) as in torch.nn.GRU; the output layer starts near zero, so that the path does, too.
  at::Tensor start(uint64_t seed) const {
    at::Tensor out = at::zeros({1, count()}, at::kDouble);
    RandomStream random(seed, uint64_t{1} << 57);
    const double bound = 1.0 / std::sqrt(static_cast<double>(hidden));
    double* value = out.data_ptr<double>();
    for (int64_t p = 0; p < output(); ++p) value[p] = random.uniform(-bound, bound);
    for (int64_t p = output(); p < output() + channels * hidden; ++p) value[p] = kOutputSpread * random.normal();
    return out;
  }

  // Relative deviations before they are centred, [N, C].
  at::Tensor path(const at::Tensor& parameters_1P, const at::Tensor& inputs_NI) const {
    int64_t at = 0;
    const auto next = [&](at::IntArrayRef shape, int64_t size) {
      at += size;
      return parameters_1P.narrow(1, at - size, size).view(shape);
    };
    GruWeights weights;
    weights.input_E3HI = next({1, gates(), inputs}, gates() * inputs);
    weights.hidden_E3HH = next({1, gates(), hidden}, gates() * hidden);
    weights.bias_input_E3H = next({1, gates()}, gates());
    weights.bias_hidden_E3H = next({1, gates()}, gates());
    weights.output_ECH = next({1, channels, hidden}, channels * hidden);
    weights.bias_output_EC = next({1, channels}, channels);
    return gru_path({inputs_NI.unsqueeze(0).unsqueeze(0), 0, {}, {}}, weights, /*scale=*/1).path_ERTC[0][0];
  }
};

at::Tensor tensor_of(const RowMatrix& values) {
  return at::from_blob(const_cast<double*>(values.data()), {values.rows(), values.cols()}, at::kDouble).clone();
}

RowMatrix matrix_of(const at::Tensor& values) {
  const at::Tensor rows = values.detach().contiguous();
  return Eigen::Map<const RowMatrix>(rows.const_data_ptr<double>(), rows.size(0), rows.size(1));
}

}  // namespace

DriftGruFit train_drift_gru(const DriftObjective& objective, const at::Tensor& inputs_NI,
                            const DriftGruOptions& options) {
  const RowMatrix& week_weight = objective.week_weight_TC();
  const int64_t T = week_weight.rows();
  const Weights weights{inputs_NI.size(1), options.hidden, week_weight.cols()};
  const at::Tensor weight_TC = tensor_of(week_weight), precision_TT = tensor_of(objective.prior_precision_TT());
  const auto centred = [&](const at::Tensor& raw_NC) {
    return raw_NC - (weight_TC * raw_NC.narrow(0, 0, T)).sum(0, /*keepdim=*/true);
  };
  at::Tensor parameters = weights.start(options.seed), first = at::zeros_like(parameters), second = first.clone();
  const std::vector<double> multiples(static_cast<size_t>(weights.count()), 1.0);
  DriftGruFit out;
  for (int64_t step = 0; step <= options.steps; ++step) {
    const at::Tensor variable = parameters.clone().requires_grad_(true);
    const at::Tensor raw_NC = weights.path(variable, inputs_NI), raw_TC = raw_NC.narrow(0, 0, T);
    const at::Tensor path_NC = centred(raw_NC);
    const at::Tensor prior = 0.5 * (raw_TC * at::matmul(precision_TT, raw_TC)).sum();
    RowMatrix gradient_TC;
    const double value = objective.value(matrix_of(path_NC.narrow(0, 0, T)), gradient_TC) + prior.item<double>();
    if (step == 0) out.first_objective = value;
    if (step == options.steps) {
      out.last_objective = value;
      out.path_NC = matrix_of(path_NC);
      break;
    }
    // The objective is not torch's: its gradient enters as weights of the path.
    (prior + (path_NC.narrow(0, 0, T) * tensor_of(gradient_TC)).sum()).backward();
    const double rate = options.learning_rate * schedule(step, options.steps, kWarmupSteps, kFinalRate);
    AdamW().update(parameters, variable.grad(), first, second, {rate}, {0.0}, multiples, step + 1);
  }
  return out;
}

}  // namespace dcmmm
