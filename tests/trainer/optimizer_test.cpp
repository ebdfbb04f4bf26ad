#include "trainer/optimizer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "common/random.hpp"

namespace dcmmm {
namespace {

// One parameter by the formulas of Loshchilov and Hutter 2019, algorithm 2.
struct OneParameter {
  double value = 0, first = 0, second = 0;
  void step(double gradient, double rate, double decay, int64_t step) {
    first = 0.9 * first + 0.1 * gradient;
    second = 0.999 * second + 0.001 * gradient * gradient;
    const double corrected_first = first / (1 - std::pow(0.9, step)),
                 corrected_second = second / (1 - std::pow(0.999, step));
    value -= rate * (corrected_first / (std::sqrt(corrected_second) + 1e-8) + decay * value);
  }
};

void compare(at::ScalarType type, at::ScalarType of_gradient, double tolerance) {
  const int64_t E = 2, R = 3, P = 4;
  const AdamW optimizer;
  const std::vector<double> rate_E{0.05, 0.01}, decay_E{0.02, 0.3}, multiple_P{1, 0.1, 0, 3};
  at::Tensor value = at::ones({E, R, P}, type), first = at::zeros_like(value), second = at::zeros_like(value);
  std::vector<OneParameter> expected(static_cast<size_t>(E * R * P), {1, 0, 0});
  RandomStream random(1, 1);
  for (int64_t step = 1; step <= 50; ++step) {
    at::Tensor gradient = at::empty({E, R, P}, at::kDouble);
    for (int64_t i = 0; i < E * R * P; ++i) {
      const double slope = random.normal() + 0.3;
      gradient.data_ptr<double>()[i] = slope;
      expected[i].step(slope, rate_E[i / (R * P)] * multiple_P[i % P], decay_E[i / (R * P)], step);
    }
    optimizer.update(value, gradient.to(of_gradient), first, second, rate_E, decay_E, multiple_P, step);
  }
  const at::Tensor found = value.to(at::kDouble);
  for (int64_t i = 0; i < E * R * P; ++i)
    EXPECT_NEAR(found.const_data_ptr<double>()[i], expected[i].value, tolerance) << i;
}

TEST(AdamW, AgreesWithItsFormulas) {
  compare(at::kDouble, at::kDouble, 1e-12);
  compare(at::kFloat, at::kFloat, 2e-5);
  compare(at::kFloat, at::kDouble, 2e-5);
}

TEST(AdamW, ClipsEachRowAsIfItsGradientWereThatLong) {
  const at::TensorOptions type = at::kDouble;
  const at::Tensor gradient = at::tensor({3.0, 4.0, 0.3, 0.4, 0.0, 0.0, -6.0, 8.0}, type).view({2, 2, 2});
  const at::Tensor expected = at::tensor({0.6, 0.8, 0.3, 0.4, 0.0, 0.0, -0.6, 0.8}, type).view({2, 2, 2});
  const auto updated = [](const AdamW& optimizer, const at::Tensor& of) {
    at::Tensor value = at::ones_like(of), first = at::full_like(of, 0.5), second = at::full_like(of, 0.25);
    optimizer.update(value, of, first, second, {0.1, 0.2}, {0, 0}, {1, 0.5}, 3);
    return at::stack({value, first, second});
  };
  EXPECT_TRUE(updated(AdamW{.clip = 1}, gradient).allclose(updated(AdamW{}, expected), 0, 1e-12));
  EXPECT_FALSE(updated(AdamW{.clip = 20}, gradient).allclose(updated(AdamW{}, expected), 0, 1e-3));
}

TEST(AdamW, LeavesMembersWithoutARateAsTheyAre) {
  at::Tensor value = at::ones({2, 3}, at::kDouble), first = at::full({2, 3}, 0.5, at::kDouble),
             second = at::full({2, 3}, 0.25, at::kDouble);
  at::Tensor gradient = at::ones({2, 3}, at::kDouble);
  gradient[1].fill_(std::nan(""));
  AdamW{}.update(value, gradient, first, second, {0.1, 0}, {0.1, 0.1}, {1, 1, 1}, 3);
  EXPECT_TRUE(value[1].eq(1).all().item<bool>());
  EXPECT_TRUE(first[1].eq(0.5).all().item<bool>());
  EXPECT_TRUE(second[1].eq(0.25).all().item<bool>());
  EXPECT_TRUE(value[0].ne(1).all().item<bool>());
}

TEST(AdamW, AcceptsARankWithoutRegions) {
  at::Tensor value = at::zeros({2, 0, 3}), first = at::zeros_like(value), second = at::zeros_like(value);
  AdamW{}.update(value, at::zeros_like(value), first, second, {0.1, 0.1}, {0, 0}, {1, 1, 1}, 1);
}

TEST(Schedule, WarmsUpAndFallsAlongACosine) {
  EXPECT_DOUBLE_EQ(schedule(0, 80, 0, 0.05), 1);
  EXPECT_DOUBLE_EQ(schedule(40, 80, 0, 0.05), 0.5 * 0.95 + 0.05);
  EXPECT_DOUBLE_EQ(schedule(80, 80, 0, 0.05), 0.05);
  EXPECT_DOUBLE_EQ(schedule(0, 80, 10, 0.05), 0.1);
  EXPECT_DOUBLE_EQ(schedule(3, 80, 10, 0.05), 0.4 * (0.5 * (1 + std::cos(std::numbers::pi * 3 / 80)) * 0.95 + 0.05));
  EXPECT_DOUBLE_EQ(schedule(9, 80, 10, 0.05), schedule(9, 80, 0, 0.05));
  EXPECT_DOUBLE_EQ(schedule(0, 0, 0, 0.05), 1);
}

}  // namespace
}  // namespace dcmmm
