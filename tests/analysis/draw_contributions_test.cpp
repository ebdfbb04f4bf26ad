// Shapes: R regions, T weeks, C channels, D draws.
#include "analysis/draw_contributions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/open_differences.hpp"
#include "tests/analysis/exported_files.hpp"

namespace dcmmm {
namespace {

constexpr std::size_t kRegions = 5, kWeeks = 9, kChannels = 3, kDraws = 15;

// One draw's contribution in a cell before it is scaled to the draw's sum, straight from the formulas of docs/model.md.
double plain_effect(const SmallRun& run, std::size_t d, std::size_t r, std::size_t t, std::size_t c) {
  const double decay = run.shared.draws.decay_DC[d * kChannels + c], peak = run.shared.peak_C[c];
  const auto scaled = [&](std::size_t week) {
    return std::min(
        run.panel.media_RTC[(r * kWeeks + week) * kChannels + c] / run.results.media_scale_RC[r * kChannels + c], 50.0);
  };
  double carried = 0, weights = 0;
  for (std::size_t lag = 0; lag < 13; ++lag) {
    const auto l = static_cast<double>(lag);
    const double weight =
        std::isnan(peak) ? (1 - decay) * std::pow(decay, l) : std::pow(decay, (l - peak) * (l - peak));
    weights += weight;
    if (lag <= t) carried += weight * scaled(t - lag);
  }
  if (!std::isnan(peak)) carried /= weights;
  const double a = run.shared.draws.exponent_DC[d * kChannels + c],
               g = run.shared.draws.half_saturation_DC[d * kChannels + c];
  return run.results.coefficient_RTC[(r * kWeeks + t) * kChannels + c] / (1 + std::pow((carried + 1e-4) / g, -a));
}

// Sums over regions [first, last) and weeks [from, to) of every draw, each scaled such that all cells sum to its own.
std::vector<double> plain_sums(const SmallRun& run, std::size_t c, std::size_t first, std::size_t last,
                               std::size_t from, std::size_t to) {
  std::vector<double> out;
  for (std::size_t d = 0; d < kDraws; ++d) {
    double all = 0, part = 0;
    for (std::size_t r = 0; r < kRegions; ++r)
      for (std::size_t t = 0; t < kWeeks; ++t) {
        const double effect = plain_effect(run, d, r, t, c);
        all += effect;
        if (r >= first && r < last && t >= from && t < to) part += effect;
      }
    out.push_back(run.shared.draws.contribution_DC[d * kChannels + c] * part / all);
  }
  return out;
}

SmallRun run_with_a_delayed_channel() {
  SmallRun run;
  run.shared.peak_C[1] = 1.5;
  // All rows are there: what fills missing ones has its own tests (tests/model).
  std::fill(run.panel.observed_RT.begin(), run.panel.observed_RT.end(), 1);
  return run;
}

void expect_interval(const std::vector<std::string>& row, std::size_t value_column, const std::vector<double>& draws) {
  const double value = std::stod(row[value_column]);
  const Interval expected = interval_of(draws, 0.9, value);
  EXPECT_NEAR(std::stod(row[value_column + 1]), expected.lower, 1e-7 * (1 + expected.upper));
  EXPECT_NEAR(std::stod(row[value_column + 2]), expected.upper, 1e-7 * (1 + expected.upper));
  EXPECT_LT(expected.lower, expected.upper);
}

TEST(DrawContributions, SpreadADrawsSumAsItsCurveAndCarryOverDo) {
  const TestFolder folder;
  SmallRun run = run_with_a_delayed_channel();
  run.write(folder);
  ExportOptions by_two;
  by_two.block_regions = 2;
  export_all(folder, "csv", by_two);
  std::size_t compared = 0;
  for (const auto& row : read_csv(folder / "csv" / "contributions_total.csv")) {
    if (!row[2].starts_with("media:")) {
      EXPECT_EQ(row[4] + row[5], "");
      continue;
    }
    const auto c = static_cast<std::size_t>(row[2].back() - '0');
    if (row[0] == "week") {
      const auto week = static_cast<std::size_t>(std::stoul(row[1]));
      expect_interval(row, 3, plain_sums(run, c, 0, kRegions, week, week + 1));
      ++compared;
    } else if (row[1] == "4..7") {
      expect_interval(row, 3, plain_sums(run, c, 0, kRegions, 4, 8));
      ++compared;
    } else if (row[0] == "52 weeks") {
      expect_interval(row, 3, plain_sums(run, c, 0, kRegions, 0, kWeeks));
      ++compared;
    }
  }
  EXPECT_EQ(compared, kChannels * (kWeeks + 2));
  for (const auto& row : read_csv(folder / "csv" / "contributions_by_period.csv"))
    if (row[0] == "region 3" && row[2] == "4..7" && row[3] == "media:channel_1")
      expect_interval(row, 4, plain_sums(run, 1, 3, 4, 4, 8));
}

TEST(DrawContributions, MarginalReturnsOfPeriodsAreSlopesOfTheDraws) {
  const TestFolder folder;
  SmallRun run = run_with_a_delayed_channel();
  run.write(folder);
  export_all(folder);
  const auto slopes = [&](std::size_t c, std::size_t first, std::size_t last, double spend) {
    std::vector<double> out;
    for (std::size_t d = 0; d < kDraws; ++d) {
      double all = 0, slope = 0;
      for (std::size_t r = 0; r < kRegions; ++r)
        for (std::size_t t = 0; t < kWeeks; ++t) {
          const double effect = plain_effect(run, d, r, t, c);
          all += effect;
          if (r < first || r >= last || t < 4 || t >= 8) continue;
          const double height = run.results.coefficient_RTC[(r * kWeeks + t) * kChannels + c];
          slope += effect * (1 - effect / height) * run.shared.draws.exponent_DC[d * kChannels + c];
        }
      out.push_back(run.shared.draws.contribution_DC[d * kChannels + c] * slope / all / spend);
    }
    return out;
  };
  const auto compare = [&](const std::vector<std::string>& row, std::size_t at, std::size_t first, std::size_t last) {
    const auto c = static_cast<std::size_t>(row[at + 2].back() - '0');
    expect_interval({row[at + 10], row[at + 12], row[at + 13]}, 0, slopes(c, first, last, std::stod(row[at + 3])));
  };
  std::size_t compared = 0;
  for (const auto& row : read_csv(folder / "csv" / "roi_by_period.csv"))
    if (row[1] == "4..7") compare(row, 0, 0, kRegions), ++compared;
  for (const auto& row : read_csv(folder / "csv" / "region_roi_by_period.csv"))
    if (row[0] == "region 3" && row[2] == "4..7") compare(row, 1, 3, 4), ++compared;
  EXPECT_EQ(compared, 2 * kChannels);
}

TEST(DrawContributions, RegionsReturnsAddUpToThoseOfAllRegions) {
  const TestFolder folder;
  SmallRun run;
  run.write(folder);
  export_all(folder);
  std::map<std::string, double> spend, contribution;
  for (const auto& row : read_csv(folder / "csv" / "region_roi_by_period.csv")) {
    spend[row[1] + row[2] + row[3]] += std::stod(row[4]);
    contribution[row[1] + row[2] + row[3]] += std::stod(row[5]);
  }
  for (const auto& row : read_csv(folder / "csv" / "roi_by_period.csv")) {
    if (row[0] == "week") continue;
    EXPECT_NEAR(spend.at(row[0] + row[1] + row[2]), std::stod(row[3]), 1e-8);
    EXPECT_NEAR(contribution.at(row[0] + row[1] + row[2]), std::stod(row[4]), 1e-8);
  }
}

TEST(DrawContributions, CellsWithoutARowBringNothing) {
  const TestFolder folder;
  SmallRun run = run_with_a_delayed_channel();
  constexpr std::size_t kRegion = 2, kFirst = 3, kLast = 5;  // a gap inside a region
  for (std::size_t t = kFirst; t <= kLast; ++t) {
    run.panel.observed_RT[kRegion * kWeeks + t] = 0;
    std::fill_n(&run.panel.media_RTC[(kRegion * kWeeks + t) * kChannels], kChannels, 0.0);
  }
  run.write(folder);
  export_all(folder);
  std::map<std::string, double> expected;
  for (std::size_t cell = 0; cell < kRegions * kWeeks; ++cell)
    for (std::size_t c = 0; c < kChannels; ++c)
      if (run.panel.observed_RT[cell] != 0)
        expected["channel_" + std::to_string(c)] += run.results.media_RTC[cell * kChannels + c];
  std::map<std::string, std::vector<std::string>> whole;
  for (const auto& row : read_csv(folder / "csv" / "roi_by_period.csv"))
    if (row[0] == "52 weeks") whole[row[2]] = row;
  double predicted = 0;
  for (std::size_t cell = 0; cell < kRegions * kWeeks; ++cell)
    if (run.panel.observed_RT[cell] != 0) predicted += run.results.predicted_RT[cell];
  for (const auto& row : read_csv(folder / "csv" / "channel_summary.csv")) {
    const double contribution = expected.at(row[0]);
    EXPECT_NEAR(std::stod(row[2]), contribution, 1e-9 * contribution);
    EXPECT_NEAR(std::stod(row[5]), contribution / predicted, 1e-9);
    // The draws' sums are those of these cells, so the whole period has the summary's interval.
    EXPECT_NEAR(std::stod(whole.at(row[0])[4]), contribution, 1e-9 * contribution);
    EXPECT_NEAR(std::stod(whole.at(row[0])[5]), std::stod(row[3]), 1e-9 * contribution);
    EXPECT_NEAR(std::stod(whole.at(row[0])[6]), std::stod(row[4]), 1e-9 * contribution);
  }
  // A week of the gap is a sum over the other regions, in the total and in the interval around it.
  for (const auto& row : read_csv(folder / "csv" / "contributions_by_period.csv"))
    if (row[0] == "region 2" && row[2] == "4..7" && row[3] == "media:channel_0") {
      double left = 0;
      for (std::size_t t = kLast + 1; t < 8; ++t) left += run.results.media_RTC[(kRegion * kWeeks + t) * kChannels];
      EXPECT_NEAR(std::stod(row[4]), left, 1e-9 * left);
    }
}

TEST(DrawContributions, SingleRegionsDifferFurtherThanTheFitShows) {
  const TestFolder folder, wider_folder;
  SmallRun run = run_with_a_delayed_channel();
  run.write(folder);
  run.shared.response_sd = 1;  // far above what the fitted coefficients differ by
  run.write(wider_folder);
  const auto files = export_all(folder), wider_files = export_all(wider_folder);
  EXPECT_EQ(files.at("contributions_total.csv"), wider_files.at("contributions_total.csv"));
  const Table narrow = read_csv(folder / "csv" / "region_channels.csv"),
              wide = read_csv(wider_folder / "csv" / "region_channels.csv");
  ASSERT_EQ(narrow.size(), kRegions * kChannels);
  // Of 15 draws single intervals may come out narrower, so all together.
  double narrow_widths = 0, wide_widths = 0;
  for (std::size_t row = 0; row < narrow.size(); ++row) {
    EXPECT_EQ(narrow[row][3], wide[row][3]);
    narrow_widths += std::stod(narrow[row][12]) - std::stod(narrow[row][11]);
    wide_widths += std::stod(wide[row][12]) - std::stod(wide[row][11]);
  }
  EXPECT_GT(wide_widths, 1.2 * narrow_widths);
}

TEST(DrawContributions, OfAChannelThatIsNotIdentifiedAreInProportion) {
  const TestFolder folder;
  SmallRun run;
  run.shared.follows_demand_C = {1, 0, 0};
  run.shared.local_slope_C = {0.9, 0, 0};
  run.write(folder);
  export_all(folder);
  const Table summary = read_csv(folder / "csv" / "channel_summary.csv");
  for (const auto& row : read_csv(folder / "csv" / "contributions_total.csv"))
    if (row[2] == "media:channel_0") {
      EXPECT_EQ(std::stod(row[4]), 0);
      EXPECT_NEAR(std::stod(row[5]), std::stod(row[3]) / std::stod(summary[0][2]) * std::stod(summary[0][4]),
                  1e-9 * std::stod(row[5]));
    }
}

TEST(OpenDifferences, AreWhatTheFittedOnesLack) {
  // Relative differences of -.1 and .1: a variance of .01, and .04 - .01 is left. A region at 0 doesn't count.
  const std::vector<double> open = open_differences({0.9, 2, 1.1, 2, 0, 2}, 2, 0.2);
  EXPECT_NEAR(open[0], std::sqrt(0.03), 1e-12);
  EXPECT_EQ(open[1], 0);                                         // none were fitted
  EXPECT_EQ(open_differences({0.9, 2, 1.1, 2}, 2, 0.05)[0], 0);  // they differ by more
}

}  // namespace
}  // namespace dcmmm
