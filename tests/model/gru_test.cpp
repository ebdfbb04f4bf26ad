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

constexpr double kShift = 0.5, kScale = 0.7;
constexpr int64_t kOutputs = 3, kFixed = 2, kShared = 1;

// Moving inputs, the GRU's four weights, the output layer's two, and the state before the first week.
std::vector<at::Tensor> gru_case(int64_t E, int64_t R, int64_t T, int64_t M, int64_t H) {
  const int64_t I = M + kFixed + kShared;
  return {normal_tensor({E, R, T, M}, 31),       normal_tensor({E, 3 * H, I}, 32, 0.4),
          normal_tensor({E, 3 * H, H}, 33, 0.4), normal_tensor({E, 3 * H}, 34, 0.3),
          normal_tensor({E, 3 * H}, 35, 0.3),    normal_tensor({E, kOutputs, H}, 39, 0.4),
          normal_tensor({E, kOutputs}, 40, 0.3), normal_tensor({E, R, H}, 36, 0.5)};
}

// Those that don't move.
at::Tensor fixed_inputs(const at::Tensor& like_ERTM) {
  return normal_tensor({like_ERTM.size(0), like_ERTM.size(1), like_ERTM.size(2), kFixed}, 41).to(like_ERTM.dtype());
}
at::Tensor shared_inputs(const at::Tensor& like_ERTM) {
  return normal_tensor({like_ERTM.size(2), kShared}, 42).to(like_ERTM.dtype());
}

GruPath run(const std::vector<at::Tensor>& in, bool with_state = true) {
  return gru_path({in[0], kShift, fixed_inputs(in[0]), shared_inputs(in[0])},
                  {in[1], in[2], in[3], in[4], in[5], in[6]}, kScale, with_state ? in[7] : at::Tensor());
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

void compare_with_torch(at::ScalarType type, double tolerance, bool with_state, int64_t R, int64_t T, int64_t M,
                        int64_t H) {
  const int64_t E = 2;
  std::vector<at::Tensor> in, leaves;
  for (const at::Tensor& tensor : gru_case(E, R, T, M, H)) in.push_back(tensor.to(type).requires_grad_(true));
  in.back() = in.back().detach();
  leaves.assign(in.begin(), in.end() - 1);
  const at::Tensor mix = normal_tensor({E, R, T, kOutputs}, 37).to(type);
  const GruPath found = run(in, with_state);
  const auto gradients = torch::autograd::grad({(found.path_ERTC * mix).sum()}, leaves);
  const at::Tensor fixed = fixed_inputs(in[0]), shared = shared_inputs(in[0]);
  for (int64_t e = 0; e < E; ++e) {
    torch::nn::GRU gru(torch::nn::GRUOptions(M + kFixed + kShared, H).batch_first(true));
    gru->to(type);
    auto parameters = gru->parameters();  // weight_ih, weight_hh, bias_ih, bias_hh
    {
      const at::NoGradGuard no_gradient;
      for (size_t k = 0; k < 4; ++k) parameters[k].copy_(in[k + 1][e]);
    }
    const at::Tensor moving = in[0][e].detach().requires_grad_(true), weight = in[5][e].detach().requires_grad_(true),
                     bias = in[6][e].detach().requires_grad_(true);
    const at::Tensor input = at::cat({moving - kShift, fixed[e], shared.expand({R, T, kShared})}, -1);
    const auto [states, last] = gru->forward(input, with_state ? in[7][e].unsqueeze(0) : at::Tensor());
    const at::Tensor path = kScale * (at::matmul(states, weight.t()) + bias).tanh();
    EXPECT_LT(distance(found.path_ERTC[e], path), tolerance) << "member " << e;
    EXPECT_LT(distance(found.state_out_ERH[e], last[0]), tolerance);
    const auto expected = torch::autograd::grad(
        {(path * mix[e]).sum()}, {moving, parameters[0], parameters[1], parameters[2], parameters[3], weight, bias});
    for (size_t k = 0; k < leaves.size(); ++k)
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
  std::vector<at::Tensor> all;
  for (const at::Tensor& tensor : gru_case(1, 59, 6, 5, 32)) all.push_back(tensor.to(at::kFloat));
  const at::Tensor fixed = fixed_inputs(all[0]), shared = shared_inputs(all[0]), together = run(all).path_ERTC;
  for (const int64_t region : {0, 11, 12, 47, 48, 58}) {
    const at::Tensor alone =
        gru_path({all[0].narrow(1, region, 1), kShift, fixed.narrow(1, region, 1), shared},
                 {all[1], all[2], all[3], all[4], all[5], all[6]}, kScale, all[7].narrow(1, region, 1))
            .path_ERTC;
    EXPECT_TRUE(at::equal(alone, together.narrow(1, region, 1))) << "region " << region;
  }
}

TEST_P(Gru, HasTheGradientOfItsValues) {
  for (const int64_t weeks : {1, 6}) {
    auto in = gru_case(2, 3, weeks, 4, 5);
    const at::Tensor state = in.back(), mix = normal_tensor({2, 3, weeks, kOutputs}, 38);
    in.pop_back();
    expect_gradients(
        [&](std::vector<at::Tensor> x) {
          x.push_back(state);
          return (run(x).path_ERTC * mix).sum();
        },
        in, 40);
  }
}

TEST_P(Gru, SplitInTwoGivesTheSameAsInOne) {
  const auto in = gru_case(2, 18, 10, 4, 16);
  const GruWeights weights{in[1], in[2], in[3], in[4], in[5], in[6]};
  const at::Tensor fixed = fixed_inputs(in[0]), shared = shared_inputs(in[0]);
  const auto part = [&](int64_t first, int64_t weeks, const at::Tensor& state) {
    return gru_path(
        {in[0].narrow(2, first, weeks), kShift, fixed.narrow(2, first, weeks), shared.narrow(0, first, weeks)}, weights,
        kScale, state);
  };
  const GruPath whole = run(in), head = part(0, 6, in[7]), tail = part(6, 4, head.state_out_ERH);
  EXPECT_LT(distance(at::cat({head.path_ERTC, tail.path_ERTC}, 2), whole.path_ERTC), 1e-13);
  EXPECT_LT(distance(tail.state_out_ERH, whole.state_out_ERH), 1e-13);
}

TEST_P(Gru, WithoutAGradientIsTheSame) {
  auto in = gru_case(1, 50, 5, 4, 9);
  const at::Tensor plain = run(in).path_ERTC;
  in[1] = in[1].detach().requires_grad_(true);
  EXPECT_TRUE(at::equal(run(in).path_ERTC.detach(), plain));
}

TEST_P(Gru, MovesNothingAndLearnsNothingAtAScaleOfZero) {
  const auto in = gru_case(2, 5, 20, 3, 9);
  std::vector<at::Tensor> leaves;
  for (size_t k = 0; k < 7; ++k) leaves.push_back(in[k].detach().requires_grad_(true));
  const at::Tensor path = gru_path({leaves[0], kShift, fixed_inputs(in[0]), shared_inputs(in[0])},
                                   {leaves[1], leaves[2], leaves[3], leaves[4], leaves[5], leaves[6]}, 0.0, in[7])
                              .path_ERTC;
  EXPECT_EQ(path.abs().max().item<double>(), 0);
  for (const at::Tensor& gradient : torch::autograd::grad({path.sum()}, leaves))
    EXPECT_EQ(gradient.abs().max().item<double>(), 0);
}

TEST_P(Gru, StaysFiniteWhenItsGatesSaturate) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const auto in = gru_case(1, 5, 4, 3, 17);
    std::vector<at::Tensor> leaves;
    for (size_t k = 0; k < 7; ++k) leaves.push_back((k == 0 ? 1000 * in[k] : in[k]).to(type).requires_grad_(true));
    auto all = leaves;
    all.push_back(in[7].to(type));
    const at::Tensor path = run(all).path_ERTC;
    EXPECT_LE(path.abs().max().item<double>(), kScale + 1e-6);
    for (const at::Tensor& gradient : torch::autograd::grad({path.sum()}, leaves))
      EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  }
}

}  // namespace
}  // namespace dcmmm
