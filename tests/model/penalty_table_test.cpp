// The penalty as a sum over parameters against the tensor code, values and slopes. E members, P shared parameters.
#include "model/penalty_table.hpp"

#include <gtest/gtest.h>

#include "model/prior_strengths.hpp"
#include "tests/mmm_panel.hpp"
#include "tests/model/model_case.hpp"

namespace dcmmm {
namespace {

using testing::mmm_panel;
using testing::ModelCase;

double softplus(double value) { return std::log1p(std::exp(value)); }

void expect_the_tensor_code(const ModelOptions& options, int64_t controls) {
  ModelCase fit(mmm_panel(5, 40, 3, controls), options, {{34, 1}, {27, 2}});
  const Anchor& anchor = fit.anchor;
  const at::Tensor shared = fit.shared_EP.detach().requires_grad_(true);
  const at::Tensor expected_E = fit.model.shared_penalty(fit.data, anchor, shared);
  const at::Tensor slope = torch::autograd::grad({expected_E.sum()}, {shared})[0];
  const std::vector<ParameterPenalty> table = penalty_table(fit.model, fit.data, anchor);
  const int64_t P = fit.model.layout().shared_count();
  const at::Tensor values = shared.detach();
  for (int64_t e = 0; e < 2; ++e) {
    double sum = 0;
    for (int64_t p = 0; p < P; ++p) {
      const ParameterPenalty& of = table[static_cast<size_t>(e * P + p)];
      const double x = values[e][p].item<double>(), theta = of.is_log != 0 ? softplus(x) : x;
      const double turn = of.is_log != 0 ? 1 / (1 + std::exp(-x)) : 1;
      sum += of.prior * (x - of.center) * (x - of.center) +
             of.ridge * (theta - of.ridge_center) * (theta - of.ridge_center) + of.l1 * std::abs(theta);
      const double at_x = 2 * of.prior * (x - of.center) +
                          turn * (2 * of.ridge * (theta - of.ridge_center) + of.l1 * (theta > 0 ? 1 : -1));
      const double expected = slope[e][p].item<double>();
      EXPECT_NEAR(at_x, expected, 1e-9 * (1 + std::abs(expected))) << "member " << e << ", parameter " << p;
    }
    EXPECT_NEAR(sum, expected_E[e].item<double>(), 1e-9 * expected_E[e].item<double>());
  }
}

TEST(RidgeFactor, IsThatOfTheTermsKind) {
  ModelOptions options;
  options.ridge = 7;
  options.ridge_media = 2;
  options.ridge_controls = 3;
  options.ridge_events = 5;
  options.ridge_patterns = 11;
  const Member member = member_of(options, 30, 1);
  const LinearTerms terms{2, 3, 1};
  const double expected[] = {2, 2, 3, 3, 5, 11, 11};
  for (int64_t i = 0; i < 7; ++i)
    EXPECT_DOUBLE_EQ(ridge_factor(member, options, terms, i), 0.07 * expected[i]) << "term " << i;
}

TEST(PenaltyTable, IsTheTensorCodesPenalty) {
  ModelOptions options;
  options.hidden = 4;
  expect_the_tensor_code(options, 2);
  options.l1_coefficients = 0.3;
  options.l1_gru_output = 0.2;
  options.knowledge.channels.resize(3);
  options.knowledge.channels[1].decay = GaussianPrior{0.6, 0.05};
  options.knowledge.channels[1].exponent = GaussianPrior{2.7, 0.2};
  options.knowledge.channels[2].half_saturation = GaussianPrior{0.8, 0.1};
  expect_the_tensor_code(options, 2);
  options.gru = false;
  options.harmonics = 0;
  expect_the_tensor_code(options, 0);
}

}  // namespace
}  // namespace dcmmm
