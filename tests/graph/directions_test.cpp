#include "graph/directions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tests/graph/graph_panel.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kRegions = 60, kRows = 100;

// Chain 2 -> 0 -> 1, and 3 apart; N rows in regions of equal length.
Innovations chain(GraphNoise noise, uint64_t seed, bool unequal_regions = false) {
  Innovations out;
  out.value_NC.resize(kRegions * kRows, 4);
  RandomStream random(seed, 0);
  for (int64_t r = 0; r < kRegions; ++r) {
    out.begin_R.push_back(r * kRows);
    double scale[4];
    for (double& value : scale) value = unequal_regions ? std::exp(0.7 * random.normal()) : 1.0;
    for (int64_t i = r * kRows; i < (r + 1) * kRows; ++i) {
      double shock[4];
      for (int c = 0; c < 4; ++c) shock[c] = scale[c] * testing::draw_shock(random, noise);
      out.value_NC(i, 2) = 3.0 * shock[2];
      out.value_NC(i, 0) = 0.1 * out.value_NC(i, 2) + 0.5 * shock[0];
      out.value_NC(i, 1) = -0.8 * out.value_NC(i, 0) + 0.6 * shock[1];
      out.value_NC(i, 3) = shock[3];
    }
  }
  out.begin_R.push_back(kRegions * kRows);
  return out;
}

const std::vector<char> kAll(4, 1);

void expect_chain(const Directions& found) {
  EXPECT_GT(found.evidence_CC(2, 0), kSurelyDirected);
  EXPECT_GT(found.evidence_CC(0, 1), kSurelyDirected);
  EXPECT_LT(found.evidence_CC(0, 2), kSurelyDirected);
  EXPECT_LT(found.evidence_CC(1, 0), kSurelyDirected);
  EXPECT_LT(found.evidence_CC.row(3).cwiseAbs().maxCoeff(), kSurelyDirected);
}

TEST(Directions, ComeFromNoiseThatIsNotGaussian) {
  expect_chain(find_directions(chain(GraphNoise::kStudent, 1), GraphNoise::kStudent, kAll));
  expect_chain(find_directions(chain(GraphNoise::kLaplace, 2), GraphNoise::kStudent, kAll));
  expect_chain(find_directions(chain(GraphNoise::kStudent, 3), GraphNoise::kLaplace, kAll));
}

TEST(Directions, ComeFromRegionsWhoseNoiseDiffers) {
  expect_chain(find_directions(chain(GraphNoise::kGaussian, 4, true), GraphNoise::kStudent, kAll));
}

TEST(Directions, AreNotSeenInGaussianNoise) {
  int seen = 0;
  for (uint64_t seed = 0; seed < 20; ++seed)
    seen += static_cast<int>(
        (find_directions(chain(GraphNoise::kGaussian, seed), GraphNoise::kStudent, kAll).evidence_CC.array() >=
         kSurelyDirected)
            .count());
  EXPECT_EQ(seen, 0);
  EXPECT_EQ(find_directions(chain(GraphNoise::kStudent, 1), GraphNoise::kGaussian, kAll).evidence_CC,
            Eigen::MatrixXd::Zero(4, 4));
}

TEST(Directions, AreNotAskedOfChannelsThatAreLeftOut) {
  const Directions found = find_directions(chain(GraphNoise::kStudent, 1), GraphNoise::kStudent, {1, 0, 1, 1});
  EXPECT_EQ(found.evidence_CC.col(1), Eigen::VectorXd::Zero(4));
  EXPECT_GT(found.evidence_CC(2, 0), kSurelyDirected);
}

// Each density written out for one region at a time, scales shrunk by ten rows of all regions' mean.
TEST(Directions, RegionLogLikelihoodIsTheBetterDensitysByItsFormula) {
  const std::vector<int64_t> begin = {0, 3, 7};
  Eigen::VectorXd u(7);
  u << 0.1, -0.2, 9.0, 0.3, 0.2, -0.1, 30.0;  // heavy tails
  const double mean = u.cwiseAbs().mean();
  double best = -1e9;
  std::vector<double> expected;
  for (const double nu : {10.0, 5.0, 3.0, 2.0}) {
    // E|t| by integration.
    const double norm =
        std::exp(std::lgamma(0.5 * (nu + 1)) - std::lgamma(0.5 * nu)) / std::sqrt(nu * std::numbers::pi);
    double unit = 0;
    for (double x = 0.0005; x < 2000; x += 0.001) unit += 0.002 * x * norm * std::pow(1 + x * x / nu, -0.5 * (nu + 1));
    std::vector<double> sums;
    for (int region = 0; region < 2; ++region) {
      double magnitude = 0, sum = 0;
      for (int64_t i = begin[region]; i < begin[region + 1]; ++i) magnitude += std::abs(u[i]);
      const auto rows = static_cast<double>(begin[region + 1] - begin[region]);
      const double scale = (magnitude + 10 * mean) / (rows + 10) / unit;
      for (int64_t i = begin[region]; i < begin[region + 1]; ++i)
        sum += std::log(norm / scale) - 0.5 * (nu + 1) * std::log(1 + u[i] * u[i] / (nu * scale * scale));
      sums.push_back(sum);
    }
    if (sums[0] + sums[1] > best) {
      best = sums[0] + sums[1];
      expected = sums;
    }
  }
  const std::vector<double> found = region_log_likelihood(u, begin, GraphNoise::kStudent);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NEAR(found[0], expected[0], 0.02);
  EXPECT_NEAR(found[1], expected[1], 0.02);
  // Of Gaussian rows the Gaussian is the better one.
  RandomStream random(3, 0);
  Eigen::VectorXd gaussian(4000);
  for (Eigen::Index i = 0; i < 4000; ++i) gaussian[i] = 2.0 * random.normal();
  const double square = gaussian.squaredNorm() / 4000;
  const std::vector<double> of_gaussian = region_log_likelihood(gaussian, {0, 4000}, GraphNoise::kStudent);
  EXPECT_NEAR(of_gaussian[0], -2000 * (std::log(2 * std::numbers::pi * square) + 1), 1e-6);
}

}  // namespace
}  // namespace dcmmm
