// Gradients of the whole loss against finite differences. E members, P shared and L local parameters.
#include <gtest/gtest.h>

#include "tests/model/model_case.hpp"

namespace dcmmm {
namespace {

using testing::expect_gradients;
using testing::mmm_panel;
using testing::ModelCase;
using testing::small_model;

void check_chunk_loss(const ModelOptions& options, Chunk chunk) {
  ModelCase fit(mmm_panel(6, 56, 3, 2), options, {{50, 1}, {41, 2}});
  for (int64_t r = 0; r < 6; ++r)
    fit.data.cell_weight_ERT.select(1, r).select(1, 5 + r).mul_(0.3);  // as Huber's weights do
  const at::Tensor mix = at::tensor({1.0, 0.6}, at::kDouble);
  expect_gradients(
      [&](const std::vector<at::Tensor>& in) {
        return (fit.model.chunk_loss(fit.data, fit.anchor, in[0], in[1], chunk).total_E * mix).sum();
      },
      {fit.shared_EP, fit.local_ERL.narrow(1, chunk.first, chunk.count).contiguous()}, 150);
}

TEST(ChunkLoss, HasTheGradientOfItsValues) { check_chunk_loss(small_model(), {0, 6}); }
TEST(ChunkLoss, HasTheGradientOfItsValuesForASingleRegion) { check_chunk_loss(small_model(), {3, 1}); }
TEST(ChunkLoss, HasTheGradientOfItsValuesAsARandomWalkWithATrend) {
  ModelOptions options = small_model();
  options.persistence = 1;
  options.trend = true;
  check_chunk_loss(options, {1, 4});
}
TEST(ChunkLoss, HasTheGradientOfItsValuesWithADelayedChannel) {
  ModelOptions options = small_model();
  options.delayed_channels = {0, 2};
  options.max_lag = 5;
  check_chunk_loss(options, {1, 4});
}

TEST(ChunkLoss, HasTheGradientOfItsValuesOnSharesOfVoiceThatChannelsPassOn) {
  ModelOptions options = small_model();
  options.share_of_voice = true;
  options.adjacency = Adjacency::kNotears;
  check_chunk_loss(options, {1, 4});
}

void check_shared_penalty(const ModelOptions& options) {
  ModelCase fit(mmm_panel(6, 56, 3, 2), options, {{50, 1}, {41, 2}});
  const at::Tensor mix = at::tensor({1.0, 0.6}, at::kDouble);
  expect_gradients(
      [&](const std::vector<at::Tensor>& in) {
        return (fit.model.shared_penalty(fit.data, fit.anchor, in[0]) * mix).sum();
      },
      {fit.shared_EP}, 400);
}

TEST(SharedPenalty, HasTheGradientOfItsValues) { check_shared_penalty(small_model()); }
TEST(SharedPenalty, HasTheGradientOfItsValuesWithAnAdjacency) {
  ModelOptions options = small_model();
  options.adjacency = Adjacency::kNotears;
  options.l1_gru_output = 0;  // a weight near its kink at 0 has no difference to compare with
  check_shared_penalty(options);
}

TEST(ChunkLoss, ChunksSumToTheWhole) {
  ModelCase fit(mmm_panel(7, 40, 3, 2), small_model(), {{34, 1}, {30, 2}});
  const auto total = [&](int64_t chunk) {
    at::Tensor sum = at::zeros({2}, at::kDouble);
    for (int64_t first = 0; first < 7; first += chunk) {
      const Chunk part{first, std::min(chunk, 7 - first)};
      sum += fit.model
                 .chunk_loss(fit.data, fit.anchor, fit.shared_EP, fit.local_ERL.narrow(1, part.first, part.count), part)
                 .total_E;
    }
    return sum;
  };
  for (const int64_t chunk : {1, 2, 3}) EXPECT_TRUE(at::allclose(total(chunk), total(7), 1e-12, 0)) << chunk;
}

}  // namespace
}  // namespace dcmmm
