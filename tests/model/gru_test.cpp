// The GRU against torch's own and against finite differences. E members, R regions, T weeks, I inputs, H hidden units.
#include <gtest/gtest.h>
#include <torch/nn/modules/rnn.h>

#include "model/kernels/registers.hpp"
#include "model/operations.hpp"
#include "tests/model/gradient_check.hpp"

namespace dcmmm {
namespace {

using testing::expect_gradients;
using testing::normal_tensor;

// Inputs, the four weights, and the state before the first week.
std::vector<at::Tensor> gru_case(int64_t E, int64_t R, int64_t T, int64_t I, int64_t H) {
  return {normal_tensor({E, R, T, I}, 31),       normal_tensor({E, 3 * H, I}, 32, 0.4),
          normal_tensor({E, 3 * H, H}, 33, 0.4), normal_tensor({E, 3 * H}, 34, 0.3),
          normal_tensor({E, 3 * H}, 35, 0.3),    normal_tensor({E, R, H}, 36, 0.5)};
}

at::Tensor run(const std::vector<at::Tensor>& in) {
  return gru_sequence(in[0], {in[1], in[2], in[3], in[4]}, in.size() > 5 ? in[5] : at::Tensor());
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

void compare_with_torch(at::ScalarType type, double tolerance, bool with_state, int64_t R, int64_t T, int64_t I,
                        int64_t H) {
  const int64_t E = 2;
  std::vector<at::Tensor> in;
  for (const at::Tensor& tensor : gru_case(E, R, T, I, H)) in.push_back(tensor.to(type).requires_grad_(true));
  const at::Tensor state = in.back().detach();
  in.pop_back();
  const at::Tensor mix = normal_tensor({E, R, T, H}, 37).to(type);
  const at::Tensor found = gru_sequence(in[0], {in[1], in[2], in[3], in[4]}, with_state ? state : at::Tensor());
  const auto gradients = torch::autograd::grad({(found * mix).sum()}, in);
  for (int64_t e = 0; e < E; ++e) {
    torch::nn::GRU gru(torch::nn::GRUOptions(I, H).batch_first(true));
    gru->to(type);
    auto parameters = gru->parameters();  // weight_ih, weight_hh, bias_ih, bias_hh
    {
      const at::NoGradGuard no_gradient;
      for (size_t k = 0; k < 4; ++k) parameters[k].copy_(in[k + 1][e]);
    }
    const at::Tensor input = in[0][e].detach().requires_grad_(true);
    const auto [states, last] = gru->forward(input, with_state ? state[e].unsqueeze(0) : at::Tensor());
    EXPECT_LT(distance(found[e], states), tolerance) << "member " << e;
    EXPECT_LT(distance(found[e].select(1, T - 1), last[0]), tolerance);
    const auto expected = torch::autograd::grad({(states * mix[e]).sum()},
                                                {input, parameters[0], parameters[1], parameters[2], parameters[3]});
    for (size_t k = 0; k < 5; ++k)
      EXPECT_LT(distance(gradients[k][e], expected[k]), tolerance) << "member " << e << ", input " << k;
  }
}

// The kernels for registers of 32 bytes, and those of 64 where this machine has them.
class Gru : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    widest_ = kernels::register_bytes();
    kernels::use_register_bytes(std::min(GetParam(), widest_));
  }
  void TearDown() override { kernels::use_register_bytes(0); }

 private:
  int widest_ = 0;
};
INSTANTIATE_TEST_SUITE_P(RegisterBytes, Gru, ::testing::Values(32, 64));

// Sizes on both sides of the kernel's tiles (6 or 12 rows, 4 to 32 columns, blocks of 48 or 96 regions).
TEST_P(Gru, AgreesWithTorchInFloat64) {
  compare_with_torch(at::kDouble, 1e-10, false, 5, 7, 3, 5);
  compare_with_torch(at::kDouble, 1e-10, true, 59, 11, 9, 32);
  compare_with_torch(at::kDouble, 1e-10, false, 101, 3, 25, 70);
  compare_with_torch(at::kDouble, 1e-10, true, 1, 1, 1, 1);
}

TEST_P(Gru, AgreesWithTorchInFloat32) {
  compare_with_torch(at::kFloat, 1e-5, false, 5, 7, 3, 5);
  compare_with_torch(at::kFloat, 1e-5, true, 37, 11, 9, 32);
}

// A region's values depend on no other region, wherever it lies in a tile.
TEST_P(Gru, GivesARegionTheSameBitsAlone) {
  const auto in = gru_case(1, 59, 6, 5, 32);
  std::vector<at::Tensor> all;
  for (const at::Tensor& tensor : in) all.push_back(tensor.to(at::kFloat));
  const at::Tensor together = run(all);
  for (const int64_t region : {0, 11, 12, 47, 48, 58}) {
    auto one = all;
    one[0] = all[0].narrow(1, region, 1);
    one[5] = all[5].narrow(1, region, 1);
    EXPECT_TRUE(at::equal(run(one), together.narrow(1, region, 1))) << "region " << region;
  }
}

TEST_P(Gru, HasTheGradientOfItsValues) {
  for (const int64_t weeks : {1, 6}) {
    auto in = gru_case(2, 3, weeks, 4, 5);
    const at::Tensor state = in.back(), mix = normal_tensor({2, 3, weeks, 5}, 38);
    in.pop_back();
    expect_gradients(
        [&](const std::vector<at::Tensor>& x) {
          return (gru_sequence(x[0], {x[1], x[2], x[3], x[4]}, state) * mix).sum();
        },
        in, 40);
  }
}

TEST_P(Gru, SplitInTwoGivesTheSameAsInOne) {
  const auto in = gru_case(2, 18, 10, 4, 16);
  const at::Tensor whole = run(in);
  auto head_in = in, tail_in = in;
  head_in[0] = in[0].narrow(2, 0, 6);
  tail_in[0] = in[0].narrow(2, 6, 4);
  const at::Tensor head = run(head_in);
  tail_in[5] = head.select(2, 5);
  EXPECT_LT(distance(at::cat({head, run(tail_in)}, 2), whole), 1e-13);
}

TEST_P(Gru, StaysFiniteWhenItsGatesSaturate) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    auto in = gru_case(1, 5, 4, 3, 17);
    std::vector<at::Tensor> leaves;
    for (size_t k = 0; k < 5; ++k) leaves.push_back((k == 0 ? 1000 * in[k] : in[k]).to(type).requires_grad_(true));
    const at::Tensor states = run(leaves);
    EXPECT_LE(states.abs().max().item<double>(), 1.0 + 1e-6);
    for (const at::Tensor& gradient : torch::autograd::grad({states.sum()}, leaves))
      EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  }
}

}  // namespace
}  // namespace dcmmm
