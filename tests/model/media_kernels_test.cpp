// The media kernels against whole tensors and LibTorch's gradients, for registers of both widths and for channels that
// fill their columns, don't, or take several. E members, R regions, T weeks, C channels.
#include "model/kernels/media.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/kernels/registers.hpp"
#include "model/operations.hpp"
#include "tests/model/gradient_check.hpp"

namespace dcmmm {
namespace {

using testing::normal_tensor;

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

std::vector<at::Tensor> leaves_of(const std::vector<at::Tensor>& values, at::ScalarType type) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& value : values) leaves.push_back(value.to(type).detach().requires_grad_(true));
  return leaves;
}

// Registers of 32 bytes, and of 64 where this machine has them.
class MediaKernels : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    at::set_num_threads(1);
    widest_ = kernels::register_bytes();
    kernels::use_register_bytes(std::min(GetParam(), widest_));
  }
  void TearDown() override { kernels::use_register_bytes(0); }

 private:
  int widest_ = 0;
};
INSTANTIATE_TEST_SUITE_P(RegisterBytes, MediaKernels, ::testing::Values(32, 64));

constexpr int64_t kChannels[] = {1, 3, 4, 8, 13, 16, 17, 33};
constexpr int64_t kWeeks[] = {1, 2, 9, 20};

void compare_adstock_hill(at::ScalarType type, double tolerance, int64_t T, int64_t C, bool with_carry) {
  const int64_t E = 2, R = 3;
  const at::Tensor media = normal_tensor({R, T, C}, 3).exp().to(type),
                   scale = normal_tensor({E, R, C}, 5, 0.2).exp().to(type),
                   carry = with_carry ? normal_tensor({E, R, C}, 6).abs().to(type) : at::zeros({E, R, C}, type),
                   mix = normal_tensor({E, R, T, C}, 8).to(type);
  const auto leaves = leaves_of({normal_tensor({E, C}, 9, 0.7).sigmoid(), 2 + normal_tensor({E, C}, 10, 0.3).exp(),
                                 normal_tensor({E, C}, 11, 0.4)},
                                type);
  const auto found = adstock_hill(media, scale, leaves[0], leaves[1], leaves[2], with_carry ? carry : at::Tensor());

  const auto in_regions = [](const at::Tensor& of_members) { return of_members.unsqueeze(1); };
  std::vector<at::Tensor> states;
  at::Tensor state = carry;
  for (int64_t t = 0; t < T; ++t) {
    const at::Tensor scaled = (media.select(1, t) * scale).clamp_max(kernels::kMaxScaledMedia);
    states.push_back(state = in_regions(leaves[0]) * state + (1 - in_regions(leaves[0])) * scaled);
  }
  const auto in_weeks = [](const at::Tensor& of_members) { return of_members.unsqueeze(1).unsqueeze(1); };
  const at::Tensor expected =
      (in_weeks(leaves[1]) * ((at::stack(states, 2) + kernels::kHillOffset).log() - in_weeks(leaves[2]))).sigmoid();
  const std::string where = std::to_string(T) + " weeks, " + std::to_string(C) + " channels";
  EXPECT_LT(distance(found.response_ERTC, expected), tolerance) << where;
  EXPECT_LT(distance(found.carry_out_ERC, state), 10 * tolerance) << where;
  const auto gradients = torch::autograd::grad({(found.response_ERTC * mix).sum()}, leaves),
             expected_gradients = torch::autograd::grad({(expected * mix).sum()}, leaves);
  for (size_t k = 0; k < leaves.size(); ++k)
    EXPECT_LT(distance(gradients[k], expected_gradients[k]), 10 * tolerance) << where << ", input " << k;
}

TEST_P(MediaKernels, RunAdstockAndHillAsTensorsDo) {
  for (const int64_t C : kChannels)
    for (const int64_t T : kWeeks) {
      compare_adstock_hill(at::kDouble, 1e-12, T, C, false);
      compare_adstock_hill(at::kDouble, 1e-12, T, C, true);
      compare_adstock_hill(at::kFloat, 1e-5, T, C, true);
    }
}

void compare_channel_effect(at::ScalarType type, double tolerance, int64_t T, int64_t C, bool moves) {
  const int64_t E = 2, R = 3;
  const at::Tensor mix = normal_tensor({E, R, T}, 21).to(type);
  auto leaves = leaves_of({normal_tensor({E, R, T, C}, 22).sigmoid(), normal_tensor({E, C}, 23),
                           normal_tensor({E, R, C}, 24, 0.3), normal_tensor({E, R, T, C}, 25, 0.3)},
                          type);
  if (!moves) leaves.pop_back();
  const at::Tensor found = channel_effect(leaves[0], leaves[1], leaves[2], moves ? leaves[3] : at::Tensor());
  at::Tensor level = (leaves[1].unsqueeze(1) + leaves[2]).unsqueeze(2);
  if (moves) level = level + leaves[3];
  const at::Tensor expected = (at::softplus(level) * leaves[0]).sum(-1);
  const std::string where = std::to_string(T) + " weeks, " + std::to_string(C) + " channels";
  EXPECT_LT(distance(found, expected), 10 * tolerance) << where;
  const auto gradients = torch::autograd::grad({(found * mix).sum()}, leaves),
             expected_gradients = torch::autograd::grad({(expected * mix).sum()}, leaves);
  for (size_t k = 0; k < leaves.size(); ++k)
    EXPECT_LT(distance(gradients[k], expected_gradients[k]), 10 * tolerance) << where << ", input " << k;
}

TEST_P(MediaKernels, SumChannelsAsTensorsDo) {
  for (const int64_t C : kChannels)
    for (const int64_t T : kWeeks)
      for (const bool moves : {false, true}) {
        compare_channel_effect(at::kDouble, 1e-12, T, C, moves);
        compare_channel_effect(at::kFloat, 1e-5, T, C, moves);
      }
}

// What a column that isn't full puts beyond itself must stay within the region.
TEST_P(MediaKernels, WriteNothingBehindARegion) {
  constexpr float kUntouched = -7;
  for (const int64_t C : kChannels)
    for (const int64_t T : kWeeks) {
      const std::vector<float> media(static_cast<size_t>(T * C), 1), ones(static_cast<size_t>(C), 1);
      std::vector<float> response(static_cast<size_t>(T * C + 32), kUntouched),
          carry(static_cast<size_t>(C + 32), kUntouched), scratch;
      kernels::adstock_hill_forward<float>({T, C, media.data(), ones.data(), ones.data(), ones.data(), ones.data(),
                                            nullptr, response.data(), carry.data()},
                                           scratch);
      EXPECT_EQ(std::count(response.begin(), response.end(), kUntouched), 32) << T << " weeks, " << C << " channels";
      EXPECT_EQ(std::count(carry.begin(), carry.end(), kUntouched), 32) << T << " weeks, " << C << " channels";
    }
}

}  // namespace
}  // namespace dcmmm
