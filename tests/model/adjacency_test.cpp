#include "model/adjacency.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace dcmmm {
namespace {

at::Tensor matrix(std::vector<double> values, int64_t size) {
  return at::tensor(values, at::kDouble).view({1, size, size});
}

TEST(Adjacency, AllowsTheEdgesOfItsKind) {
  ModelOptions options;
  const at::Tensor logits = at::zeros({1, 3, 3}, at::kDouble);
  options.adjacency = Adjacency::kTriangular;
  EXPECT_TRUE(at::equal(adjacency_weights(options, logits), matrix({0, .5, .5, 0, 0, .5, 0, 0, 0}, 3)));
  options.adjacency = Adjacency::kNotears;
  EXPECT_TRUE(at::equal(adjacency_weights(options, logits), matrix({0, .5, .5, .5, 0, .5, .5, .5, 0}, 3)));
  options.adjacency_temperature = 0.25;
  EXPECT_NEAR(adjacency_weights(options, logits + 0.5)[0][0][1].item<double>(), 1 / (1 + std::exp(-2)), 1e-15);
}

TEST(Adjacency, BlendsAChannelWithItsParents) {
  // Channel 1 takes a quarter of its response from channel 0, of which it sees 0.4; channel 0 has no parent and loses
  // its quarter.
  const at::Tensor mixing = mixing_matrix(matrix({0, .4, 0, 0}, 2), at::full({1, 2}, std::log(1.0 / 3), at::kDouble));
  EXPECT_TRUE(at::allclose(mixing, matrix({.75, .1, 0, .75}, 2)));
}

TEST(Adjacency, CountsCycles) {
  EXPECT_EQ(acyclicity(matrix({0, .9, .8, 0, 0, .7, 0, 0, 0}, 3)).item<double>(), 0);
  // A cycle of two edges a and b: the eigenvalues of A o A are +- ab.
  EXPECT_NEAR(acyclicity(matrix({0, .9, .6, 0}, 2)).item<double>(), 2 * std::cosh(.9 * .6) - 2, 1e-14);
}

}  // namespace
}  // namespace dcmmm
