// Intervals along curves, in the exported tables, against every draw's formulas written out.
// Shapes: R regions, T weeks, C channels, D draws.
#include "analysis/curve_intervals.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/curve_tables.hpp"
#include "tests/analysis/exported_files.hpp"

namespace dcmmm {
namespace {

constexpr std::size_t kRegions = 5, kWeeks = 9, kChannels = 3, kDraws = 15;

struct Use {
  double coefficient = 0, media = 0, scaled = 0, largest = 0;  // of an average observed week; the largest week's media
};

Use use_of(const SmallRun& run, std::size_t r, std::size_t c) {
  Use out;
  double weeks = 0;
  for (std::size_t t = 0; t < kWeeks; ++t) {
    if (!run.panel.observed_RT[r * kWeeks + t]) continue;
    const double media = run.panel.media_RTC[(r * kWeeks + t) * kChannels + c];
    out.coefficient += run.results.coefficient_RTC[(r * kWeeks + t) * kChannels + c];
    out.media += media;
    out.largest = std::max(out.largest, media);
    ++weeks;
  }
  out.coefficient /= weeks, out.media /= weeks;
  out.scaled = out.media / run.results.media_scale_RC[r * kChannels + c];
  return out;
}

double hill(double scaled, double exponent, double half) {
  return 1 / (1 + std::pow((scaled + 1e-4) / half, -exponent));
}

// What draw d multiplies the fit's coefficients by: its contribution over that of its curve and carry-over.
double factor_of(const SmallRun& run, std::size_t c, std::size_t d) {
  const ChannelDraws& draws = run.shared.draws;
  const std::size_t i = d * kChannels + c;
  double sum = 0;
  for (std::size_t r = 0; r < kRegions; ++r)
    for (std::size_t t = 0; t < kWeeks; ++t) {
      double carried = 0;
      for (std::size_t lag = 0; lag <= t; ++lag)
        carried += (1 - draws.decay_DC[i]) * std::pow(draws.decay_DC[i], lag) *
                   std::min(run.panel.media_RTC[(r * kWeeks + t - lag) * kChannels + c] /
                                run.results.media_scale_RC[r * kChannels + c],
                            50.0);
      sum += run.results.coefficient_RTC[(r * kWeeks + t) * kChannels + c] *
             hill(carried, draws.exponent_DC[i], draws.half_saturation_DC[i]);
    }
  return draws.contribution_DC[i] / sum;
}

void expect_interval(const Interval& found, const std::vector<double>& draws, double value) {
  const Interval expected = interval_of(draws, 0.9, value);
  EXPECT_NEAR(found.lower, expected.lower, 1e-5 * expected.upper);
  EXPECT_NEAR(found.upper, expected.upper, 1e-5 * expected.upper);
  EXPECT_LT(expected.lower, expected.upper);
}

TEST(CurveIntervals, OfARegionAreThoseOfItsDraws) {
  const TestFolder folder;
  SmallRun run;
  std::fill(run.panel.observed_RT.begin(), run.panel.observed_RT.end(), 1);
  run.write(folder);
  ExportOptions in_money;
  in_money.money.revenue = 3;
  export_all(folder, "csv", in_money);
  const Table rows = read_csv(folder / "csv" / "region_curves.csv"),
              averages = read_csv(folder / "csv" / "region_channels.csv");
  ASSERT_EQ(rows.size(), kRegions * kChannels * kRegionCurvePoints);
  const double step = 1e-6;
  for (std::size_t r : {0u, 3u})
    for (std::size_t c = 0; c < kChannels; ++c) {
      const Use use = use_of(run, r, c);
      const double a = run.shared.exponent_C[c], g = run.shared.half_saturation_C[c];
      for (std::size_t p = 1; p < kRegionCurvePoints; p += 7) {
        const auto& row = rows[(r * kChannels + c) * kRegionCurvePoints + p];
        const auto number = [&](std::size_t column) { return std::stod(row[column]); };
        const double spend = 1.5 * use.largest * std::pow(p / 15.0, 2), scaled = spend / use.media * use.scaled;
        EXPECT_NEAR(number(2), spend, 1e-5 * spend);
        EXPECT_NEAR(number(3), use.coefficient * hill(scaled, a, g), 1e-5 * number(3));
        EXPECT_EQ(row[9], spend > use.largest ? "yes" : "no");
        std::vector<double> responses, marginals;
        for (std::size_t d = 0; d < kDraws; ++d) {
          const std::size_t i = d * kChannels + c;
          const double drawn_a = run.shared.draws.exponent_DC[i], drawn_g = run.shared.draws.half_saturation_DC[i],
                       factor = factor_of(run, c, d) * use.coefficient;
          responses.push_back(factor * hill(scaled, drawn_a, drawn_g));
          marginals.push_back(factor * (hill(scaled + step, drawn_a, drawn_g) - hill(scaled - step, drawn_a, drawn_g)) /
                              (2 * step) * use.scaled / use.media);
        }
        expect_interval({number(4), number(5)}, responses, number(3));
        expect_interval({number(7), number(8)}, marginals, number(6));
        for (std::size_t column : {6, 7, 8})
          EXPECT_NEAR(number(column + 5), 3 * number(column), 2e-5 * number(column + 5));
      }
      // The points of the average week.
      const auto& average = averages[r * kChannels + c];
      const double height = std::stod(average[7]);
      EXPECT_NEAR(std::stod(average[20]), 1 - std::stod(average[5]) / height, 1e-12);
      EXPECT_NEAR(std::stod(average[21]), use.largest, 1e-9);
      EXPECT_NEAR(use.coefficient * hill(std::stod(average[19]) / use.media * use.scaled, a, g), .9 * height, 1e-9);
      EXPECT_LE(std::stod(average[17]), std::stod(average[16]));
      EXPECT_GE(std::stod(average[18]), std::stod(average[16]));
    }
}

TEST(CurveIntervals, OfAChannelThatIsNotIdentifiedAreAsWideAsItsContributions) {
  const TestFolder folder;
  SmallRun run;
  run.shared.follows_demand_C = {1, 0, 0};
  run.shared.local_slope_C = {0.9, 0, 0};
  run.write(folder);
  export_all(folder);
  const Table summary = read_csv(folder / "csv" / "channel_summary.csv");
  const double upper = std::stod(summary[0][4]) / std::stod(summary[0][2]);
  for (const char* name : {"response_curves.csv", "region_curves.csv"}) {
    const std::size_t response = name[2] == 's' ? 2 : 3;
    for (const auto& row : read_csv(folder / "csv" / name))
      if (std::find(row.begin(), row.end(), "channel_0") != row.end()) {
        EXPECT_EQ(std::stod(row[response + 1]), 0);
        EXPECT_NEAR(std::stod(row[response + 2]), upper * std::stod(row[response]),
                    1e-5 * std::stod(row[response + 2]));
      }
  }
}

TEST(CurveIntervals, HeadroomIsWhatEveryDrawsCurveLeaves) {
  const TestFolder folder;
  SmallRun run;
  run.write(folder);
  export_all(folder);
  const Table rows = read_csv(folder / "csv" / "saturation.csv");
  for (std::size_t c = 0; c < kChannels; ++c) {
    std::vector<double> headrooms;
    for (std::size_t d = 0; d < kDraws; ++d) {
      double response = 0, height = 0;
      for (std::size_t r = 0; r < kRegions; ++r) {
        const Use use = use_of(run, r, c);
        const std::size_t i = d * kChannels + c;
        response +=
            use.coefficient * hill(use.scaled, run.shared.draws.exponent_DC[i], run.shared.draws.half_saturation_DC[i]);
        height += use.coefficient;
      }
      headrooms.push_back(1 - response / height);
    }
    expect_interval({std::stod(rows[c][15]), std::stod(rows[c][16])}, headrooms, std::stod(rows[c][10]));
  }
}

TEST(CurveIntervals, HeadroomIsAPartOfTheHeight) {
  const TestFolder folder;
  SmallRun run;
  // Draws that lie far apart, few of them: Student's t reaches beyond both ends.
  for (std::size_t d = 0; d < kDraws; ++d)
    for (std::size_t c = 0; c < kChannels; ++c)
      run.shared.draws.half_saturation_DC[d * kChannels + c] = d % 2 == 0 ? 0.02 : 50;
  run.write(folder);
  export_all(folder);
  for (const auto& row : read_csv(folder / "csv" / "saturation.csv")) {
    EXPECT_EQ(std::stod(row[15]), 0);
    EXPECT_EQ(std::stod(row[16]), 1);
  }
}

TEST(CurveIntervals, ARegionWithoutAChannelHasNoCurveOfIt) {
  const TestFolder folder;
  SmallRun run;
  for (std::size_t t = 0; t < kWeeks; ++t) run.panel.media_RTC[t * kChannels + 1] = 0;  // of region 0
  run.write(folder);
  export_all(folder);
  const Table rows = read_csv(folder / "csv" / "region_curves.csv");
  EXPECT_EQ(rows.size(), (kRegions * kChannels - 1) * kRegionCurvePoints);
  for (const auto& row : rows) EXPECT_FALSE(row[0] == "region 0" && row[1] == "channel_1");
}

}  // namespace
}  // namespace dcmmm
