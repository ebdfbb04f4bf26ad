// The fast outcome against plain formulas, its gradient against finite differences and LibTorch's autograd.
#include <torch/torch.h>

#include <gtest/gtest.h>

#include "tests/planning/plan_case.hpp"

namespace dcmmm {
namespace {

PlanProblem problem_at(PlanLevel level, double spread = 0, bool saturates = true) {
  PlanOptions options;
  options.level = level;
  PlanProblem problem = made_up_problem({4, 3, 2, 5, 3}, 7, options, spread);
  problem.responses.saturates = saturates;
  problem.threads = 2;
  return problem;
}

std::vector<double> point_within(const PlanProblem& problem, uint64_t seed) {
  RandomStream random(seed, 3);
  std::vector<double> out;
  for (int64_t i = 0; i < problem.decisions.count(); ++i)
    out.push_back(random.uniform(problem.decisions.lower[i] + 0.1, problem.decisions.upper[i]));
  return out;
}

constexpr PlanLevel kLevels[] = {PlanLevel::kChannel, PlanLevel::kChannelRegion, PlanLevel::kChannelWeek,
                                 PlanLevel::kAll};

TEST(PlanObjective, AgreesWithThePlainFormulas) {
  for (const PlanLevel level : kLevels)
    for (const bool saturates : {true, false}) {
      const PlanProblem problem = problem_at(level, 0, saturates);
      const std::vector<double> at = point_within(problem, 1), expected = plain_outcomes(problem, at),
                                found = PlanObjective(problem).outcomes(at);
      for (size_t d = 0; d < expected.size(); ++d) EXPECT_NEAR(found[d], expected[d], 1e-10 * std::abs(expected[d]));
    }
}

TEST(PlanObjective, NoSpendBringsNothing) {
  const PlanProblem problem = problem_at(PlanLevel::kAll);
  for (const double outcome : PlanObjective(problem).outcomes(std::vector<double>(problem.decisions.today.size(), 0.0)))
    EXPECT_NEAR(outcome, 0, 1e-10);
}

TEST(PlanObjective, TodaysVariablesAreTodaysSpendAtEveryLevel) {
  std::vector<double> whole;
  for (const PlanLevel level : kLevels) {
    const PlanProblem problem = problem_at(level);
    const std::vector<double> found = PlanObjective(problem).outcomes(problem.decisions.today);
    if (whole.empty()) whole = found;
    for (size_t d = 0; d < found.size(); ++d) EXPECT_NEAR(found[d], whole[d], 1e-10 * whole[d]);
  }
}

TEST(PlanObjective, GradientAgreesWithFiniteDifferences) {
  for (const PlanLevel level : kLevels)
    for (const double spread : {0.0, 1.5})
      for (const bool saturates : {true, false}) {
        const PlanProblem problem = problem_at(level, spread, saturates);
        const PlanObjective objective(problem);
        const std::vector<double> at = point_within(problem, 2);
        std::vector<double> gradient;
        EXPECT_NEAR(objective.gradient(at, gradient), objective.value(at), 1e-10 * std::abs(objective.value(at)));
        for (size_t i = 0; i < at.size(); ++i) {
          const double step = 1e-5 * std::max(1.0, at[i]);
          std::vector<double> up = at, down = at;
          up[i] += step, down[i] -= step;
          const double slope = (objective.value(up) - objective.value(down)) / (2 * step);
          EXPECT_NEAR(gradient[i], slope, 1e-6 * std::max(1.0, std::abs(slope))) << "variable " << i;
        }
      }
}

TEST(PlanObjective, GradientAgreesWithAutograd) {
  const PlanProblem problem = problem_at(PlanLevel::kAll, 1.2);
  const Responses& in = problem.responses;
  const std::vector<double> at = point_within(problem, 5);
  std::vector<double> gradient;
  PlanObjective(problem).gradient(at, gradient);
  // Variables of level `all` lie as [C, R, H].
  const int64_t D = in.draws, R = in.regions, C = in.channels, H = in.horizon, T = in.weeks;
  const auto tensor = [](const std::vector<double>& values, at::IntArrayRef shape) {
    return torch::tensor(values, torch::kDouble).view(shape);
  };
  torch::Tensor spend_CRH = tensor(at, {C, R, H}).requires_grad_(true);
  const torch::Tensor scaled_RCH = (spend_CRH.permute({1, 0, 2}) / tensor(in.unit_RC, {R, C, 1})).clamp_max(50.0);
  torch::Tensor carry_DCHT = torch::zeros({D, C, H, T}, torch::kDouble);
  for (int64_t s = 0; s < H; ++s)
    carry_DCHT.select(2, s).narrow(2, s, T - s).copy_(tensor(in.carry_DCT, {D, C, T}).narrow(2, 0, T - s));
  const torch::Tensor base_RCDT = tensor({in.base_RCDT.begin(), in.base_RCDT.end()}, {R, C, D, T});
  const torch::Tensor carried_RCDT = base_RCDT + torch::einsum("rch,dcht->rcdt", {scaled_RCH, carry_DCHT});
  const auto by_channel = [&](const std::vector<double>& values) {
    return tensor(values, {D, C}).t().view({1, C, D, 1});
  };
  const auto h = [&](const torch::Tensor& carried) {
    return torch::sigmoid(by_channel(in.exponent_DC) * ((carried + 1e-4).log() - by_channel(in.log_half_DC)));
  };
  const torch::Tensor added_RCDT = h(carried_RCDT) - h(base_RCDT);
  const torch::Tensor outcome_D = (added_RCDT * tensor(in.factor_RDC, {R, D, C}).transpose(1, 2).unsqueeze(-1) *
                                   tensor(in.coefficient_RCT, {R, C, 1, T}))
                                      .sum({0, 1, 3});
  (outcome_D.mean() - problem.spread * outcome_D.std()).backward();
  const torch::Tensor expected = spend_CRH.grad().contiguous();
  for (size_t i = 0; i < at.size(); ++i)
    EXPECT_NEAR(gradient[i], expected.data_ptr<double>()[i], 1e-9 * std::max(1.0, std::abs(gradient[i])));
}

}  // namespace
}  // namespace dcmmm
