#include "analysis/fitted_hill.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace dcmmm {
namespace {

TEST(FittedHill, FindsTheCurveThatThePointsLieOn) {
  const FittedHill truth{500, 80, 2.4, 0};
  std::vector<double> spend, response;
  for (int point = 0; point < 50; ++point) {
    spend.push_back(4.0 * point);
    response.push_back(truth.at(spend.back()));
  }
  const FittedHill found = fit_hill(spend, response, {300, 120, 1.5, 0});
  EXPECT_NEAR(found.height, 500, 1e-4);
  EXPECT_NEAR(found.half_saturation, 80, 1e-4);
  EXPECT_NEAR(found.exponent, 2.4, 1e-6);
  EXPECT_LT(found.error, 1e-8);
}

// No other curve near it comes closer to a mean of two different ones.
TEST(FittedHill, IsTheLeastSquaresCurveOfAMean) {
  std::vector<double> spend, response;
  for (int point = 0; point < 50; ++point) {
    spend.push_back(point);
    response.push_back(FittedHill{1, 5, 2, 0}.at(point) + FittedHill{1, 25, 3, 0}.at(point));
  }
  const auto squares = [&](const FittedHill& hill) {
    double sum = 0;
    for (std::size_t p = 0; p < spend.size(); ++p) sum += std::pow(hill.at(spend[p]) - response[p], 2);
    return sum;
  };
  const FittedHill found = fit_hill(spend, response, {2, 15, 2, 0});
  EXPECT_GT(found.error, 0.01);
  for (const double factor : {0.99, 1.01})
    for (int parameter = 0; parameter < 3; ++parameter) {
      FittedHill other = found;
      (parameter == 0 ? other.height : parameter == 1 ? other.half_saturation : other.exponent) *= factor;
      EXPECT_GT(squares(other), squares(found)) << parameter << " " << factor;
    }
}

TEST(FittedHill, HasNothingToFitWithoutAResponse) {
  const std::vector<double> spend = {0, 1, 2}, response = {0, 0, 0};
  EXPECT_TRUE(std::isnan(fit_hill(spend, response, {1, 1, 1, 0}).height));
}

}  // namespace
}  // namespace dcmmm
