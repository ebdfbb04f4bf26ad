#include "trainer/forecast_interval.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/quantiles.hpp"
#include "common/random.hpp"

namespace dcmmm {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Regions of sizes 1 to 1000 whose own noise falls with their size and grows with the horizon, under shocks common to
/// all.
struct World {
  int64_t regions = 60, origins = 6, horizons = 8;
  double national = 0.04;
  bool heavy_tails = false;

  double size(int64_t region) const {
    return std::pow(10.0, 3.0 * static_cast<double>(region) / static_cast<double>(regions - 1));
  }
  std::vector<RegionResiduals> draw(RandomStream& random) const {
    std::vector<RegionResiduals> out;
    for (int64_t r = 0; r < regions; ++r) out.push_back({size(r), {}});
    std::vector<double> shock;
    for (int64_t cell = 0; cell < origins * horizons; ++cell) shock.push_back(national * random.normal());
    for (int64_t r = 0; r < regions; ++r) {
      for (int64_t cell = 0; cell < origins * horizons; ++cell) {
        const double sd = 0.3 * std::pow(size(r), -0.25) * std::sqrt(1 + static_cast<double>(cell % horizons));
        double noise = random.normal();
        if (heavy_tails)
          noise /= std::sqrt((std::pow(random.normal(), 2) + std::pow(random.normal(), 2) +
                              std::pow(random.normal(), 2) + std::pow(random.normal(), 2)) /
                             4);
        out[r].error_OH.push_back(size(r) * (shock[cell] + sd * noise));
      }
    }
    return out;
  }
};

// Of regions that are the sample themselves.
ForecastIntervals calibrate_intervals(const std::vector<RegionResiduals>& regions, int64_t origins, int64_t shared) {
  const IntervalCalibration calibration(regions, origins, shared);
  ForecastIntervals out = calibration.intervals();
  for (const RegionResiduals& region : regions)
    out.scale_R.push_back(calibration.scale_of(region.scale, region.error_OH));
  return out;
}

struct Covered {
  double cells = 0, totals = 0;
};

/// Share of new errors from the same world within the intervals at a level.
Covered coverage(const World& world, double level) {
  RandomStream random(5, 0);
  Covered covered;
  double cells = 0, totals = 0;
  for (int round = 0; round < 40; ++round) {
    const ForecastIntervals intervals = calibrate_intervals(world.draw(random), world.origins, world.horizons);
    World next = world;
    next.origins = 1;
    const std::vector<RegionResiduals> to_come = next.draw(random);
    for (int64_t h = 1; h <= world.horizons; ++h) {
      double total = 0, size = 0;
      for (int64_t r = 0; r < world.regions; ++r) {
        const double error = to_come[r].error_OH[h - 1];
        covered.cells += std::abs(error) <= intervals.half_width(intervals.scale_R[r], world.size(r), h, level) ? 1 : 0;
        cells += 1;
        total += error;
        size += world.size(r);
      }
      covered.totals += std::abs(total) <= intervals.total_half_width(size, h, level) ? 1 : 0;
      totals += 1;
    }
  }
  return {covered.cells / cells, covered.totals / totals};
}

TEST(ForecastInterval, CoversWhatIsToCome) {
  for (const double level : {0.5, 0.8, 0.9, 0.95}) {
    const Covered covered = coverage({}, level);
    EXPECT_NEAR(covered.cells, level, 0.03) << level;
    EXPECT_GT(covered.totals, level - 0.04) << level;
  }
}

TEST(ForecastInterval, CoversHeavyTailsAndStrongShocks) {
  World world;
  world.heavy_tails = true;
  EXPECT_NEAR(coverage(world, 0.9).cells, 0.9, 0.03);
  world.national = 0.12;  // more than twice the prior's
  const Covered covered = coverage(world, 0.9);
  EXPECT_NEAR(covered.cells, 0.9, 0.04);
  EXPECT_GT(covered.totals, 0.84);
}

TEST(ForecastInterval, KnowsNoisyRegionsFromQuietOnes) {
  RandomStream random(7, 0);
  World world;
  std::vector<RegionResiduals> errors = world.draw(random);
  for (double& error : errors[30].error_OH) error *= 10;
  std::fill(errors[31].error_OH.begin(), errors[31].error_OH.end(), kNone);  // never observed
  errors[32].scale = 0;                                                      // no usable history
  const ForecastIntervals intervals = calibrate_intervals(errors, 6, 8);
  EXPECT_GT(intervals.scale_R[30], 4 * intervals.scale_R[29]);
  EXPECT_NEAR(intervals.scale_R[31] / intervals.scale_R[29], 1, 0.6);  // by its size
  EXPECT_TRUE(std::isnan(intervals.half_width(intervals.scale_R[32], 0, 1, 0.9)));
  // Relative to their size, small regions are noisier: m^-1/4 over 3 decades.
  EXPECT_NEAR(std::log10(intervals.scale_R[0] / world.size(0) / (intervals.scale_R[59] / world.size(59))), 0.75, 0.25);
}

TEST(ForecastInterval, WidensWithLevelAndHorizon) {
  RandomStream random(8, 0);
  const ForecastIntervals intervals = calibrate_intervals(World().draw(random), 6, 8);
  EXPECT_EQ(intervals.group_end_G, (std::vector<int64_t>{2, 4, 8}));
  double before = 0;
  for (int64_t h = 1; h <= 40; ++h) {
    const double half = intervals.half_width(1, 1, h, 0.9);
    EXPECT_GE(half, before) << h;
    before = half;
  }
  before = 0;
  for (double level = 0.02; level < 1; level += 0.01) {
    const double half = intervals.half_width(1, 1, 3, level);
    EXPECT_GT(half, before) << level;
    before = half;
  }
}

TEST(ForecastInterval, TakesThePriorWhereLittleIsKnown) {
  // One region: its error is the national one. Two exact forecasts leave the prior, at half its variance.
  const std::vector<RegionResiduals> exact = {{10, std::vector<double>(4, 0.0)}};
  const ForecastIntervals intervals = calibrate_intervals(exact, 2, 2);
  EXPECT_NEAR(intervals.national_factor, 2 / 3.8, 1e-12);  // the prior's 2 origins beside weights 1 and .8
  EXPECT_NEAR(intervals.national_sd(1), std::sqrt(2 / 3.8 * (.05 * .05 * .36 + .03 * .03 * .75)), 1e-12);
  EXPECT_NEAR(intervals.total_half_width(10, 1, 0.9) / (10 * intervals.national_sd(1)),
              student_quantile(0.95, intervals.national_degrees), 1e-9);
}

TEST(ForecastInterval, OfASampleAreThoseOfAll) {
  RandomStream random(9, 0);
  World world;
  world.regions = 6000;
  const std::vector<RegionResiduals> all = world.draw(random);
  std::vector<RegionResiduals> third;
  for (size_t r = 0; r < all.size(); r += 3) third.push_back(all[r]);
  const IntervalCalibration of_all(all, 6, 8), of_third(third, 6, 8);
  for (const double level : {0.5, 0.9, 0.95})
    for (const int64_t h : {1, 8})
      EXPECT_NEAR(of_third.intervals().cell_quantile(h, level) / of_all.intervals().cell_quantile(h, level), 1, 0.02);
  EXPECT_NEAR(of_third.intervals().national_factor / of_all.intervals().national_factor, 1, 0.02);
  for (const size_t r : {1, 2999, 5999})
    EXPECT_NEAR(of_third.scale_of(all[r].scale, all[r].error_OH) / of_all.scale_of(all[r].scale, all[r].error_OH), 1,
                0.02);
}

}  // namespace
}  // namespace dcmmm
