// A small made-up run: a panel with gaps, and results whose components sum to the prediction.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include "analysis/prediction_intervals.hpp"
#include "analysis/results.hpp"
#include "analysis/results_file.hpp"
#include "common/random.hpp"
#include "data/panel_file.hpp"

namespace dcmmm {

/// A new folder of the running test, removed at the end.
class TestFolder {
 public:
  TestFolder() {
    static int made = 0;  // a test may have several
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ =
        std::filesystem::temp_directory_path() / (std::string("dcmmm_") + test->test_suite_name() + "_" + test->name() +
                                                  "_" + std::to_string(::getpid()) + "_" + std::to_string(++made));
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct SmallRun {
  Panel panel;
  ResultBlock results;
  SharedResults shared;

  explicit SmallRun(int64_t regions = 5, int64_t weeks = 9, int64_t channels = 3, int64_t controls = 2) {
    RandomStream random(11, 0);
    auto& names = panel.coordinates;
    for (int64_t r = 0; r < regions; ++r) names.regions.push_back("region " + std::to_string(r));
    for (int64_t t = 0; t < weeks; ++t) names.weeks.push_back(std::to_string(t));
    for (int64_t c = 0; c < channels; ++c) names.channels.push_back("channel_" + std::to_string(c));
    for (int64_t k = 0; k < controls; ++k) names.controls.push_back("control_" + std::to_string(k));
    names.channel_columns = names.channels;
    names.control_columns = names.controls;
    names.region_column = "region", names.time_column = "week", names.target_column = "target";
    names.source = "made up";
    panel.regions = results.regions = regions;
    const auto fill = [&](auto& values, int64_t count, double low, double high) {
      for (int64_t i = 0; i < count; ++i) values.push_back(random.uniform(low, high));
    };
    const int64_t cells = regions * weeks;
    fill(panel.target_RT, cells, 50, 150);
    fill(panel.media_RTC, cells * channels, 0, 1000);
    fill(panel.controls_RTK, cells * controls, -1, 1);
    fill(panel.population_R, regions, 1e3, 1e6);
    panel.observed_RT.assign(static_cast<std::size_t>(cells), 1);
    for (int64_t cell = 3; cell < cells; cell += 7) {
      panel.observed_RT[static_cast<std::size_t>(cell)] = 0;
      panel.target_RT[static_cast<std::size_t>(cell)] = 0;
    }
    fill(results.baseline_RT, cells, 40, 100);
    fill(results.trend_RT, cells, -3, 3);
    fill(results.seasonality_RT, cells, -9, 9);
    fill(results.control_RTK, cells * controls, -5, 5);
    fill(results.media_RTC, cells * channels, 0, 20);
    fill(results.coefficient_RTC, cells * channels, 10, 40);
    fill(results.target_scale_R, regions, 50, 150);
    fill(results.media_scale_RC, regions * channels, 300, 700);
    fill(results.scale_factor_R, regions, .9, 1.1);
    fill(results.baseline_level_R, regions, 60, 80);
    fill(results.noise_scale_R, regions, 2, 8);
    fill(results.sample_scale_R, regions, 2, 8);
    shared.intervals = {{1, 4}, {0.5, 0.9}, {0.7, 1.6, 0.9, 2.0}, 1.0, 6.0, {}};
    for (int64_t cell = 0; cell < cells; ++cell) {
      const auto i = static_cast<std::size_t>(cell);
      double sum = results.baseline_RT[i] + results.trend_RT[i] + results.seasonality_RT[i];
      for (int64_t k = 0; k < controls; ++k) sum += results.control_RTK[i * controls + k];
      for (int64_t c = 0; c < channels; ++c) sum += results.media_RTC[i * channels + c];
      results.predicted_RT.push_back(sum);
    }
    fill(shared.decay_C, channels, .1, .8);
    fill(shared.exponent_C, channels, 1.5, 3);
    fill(shared.half_saturation_C, channels, .5, 2);
    shared.peak_C.assign(static_cast<std::size_t>(channels), std::numeric_limits<double>::quiet_NaN());
    const int64_t draws = 15;
    shared.draws.count = draws;
    fill(shared.draws.contribution_DC, draws * channels, 100, 900);
    fill(shared.draws.coefficient_DC, draws * channels, 15, 35);
    fill(shared.draws.decay_DC, draws * channels, .1, .8);
    fill(shared.draws.exponent_DC, draws * channels, 1.5, 3);
    fill(shared.draws.half_saturation_DC, draws * channels, .5, 2);
    shared.origin = weeks - 2;
    shared.holdout_weeks = 2;
    IntervalBlock intervals = intervals_at(results, shared, 0.9);
    results.lower_RT = std::move(intervals.lower_RT);
    results.upper_RT = std::move(intervals.upper_RT);
  }

  /// Writes panel.h5 and results.h5 into the folder.
  void write(const TestFolder& folder) {
    write_panel_file(folder / "panel.h5", panel);
    shared.panel_checksum = PanelFile(folder / "panel.h5").checksum();
    const auto communicator = make_local_communicator();
    ResultsWriter writer(folder / "results.h5", panel.coordinates, shared, *communicator);
    writer.append(results);
    writer.finish();
  }
};

/// The regions [first, first + count) of results.
inline ResultBlock regions_of(const ResultBlock& all, int64_t first, int64_t count) {
  ResultBlock block;
  block.first_region = all.first_region + first;
  block.regions = count;
  for (auto values :
       {&ResultBlock::predicted_RT, &ResultBlock::baseline_RT, &ResultBlock::trend_RT, &ResultBlock::seasonality_RT,
        &ResultBlock::control_RTK, &ResultBlock::media_RTC, &ResultBlock::coefficient_RTC, &ResultBlock::target_scale_R,
        &ResultBlock::media_scale_RC, &ResultBlock::scale_factor_R, &ResultBlock::baseline_level_R,
        &ResultBlock::lower_RT, &ResultBlock::upper_RT, &ResultBlock::noise_scale_R, &ResultBlock::sample_scale_R}) {
    const auto width = static_cast<int64_t>((all.*values).size()) / all.regions;
    (block.*values).assign((all.*values).begin() + first * width, (all.*values).begin() + (first + count) * width);
  }
  return block;
}

inline void expect_equal(const ResultBlock& a, const ResultBlock& b) {
  EXPECT_EQ(a.first_region, b.first_region);
  EXPECT_EQ(a.regions, b.regions);
  EXPECT_EQ(a.predicted_RT, b.predicted_RT);
  EXPECT_EQ(a.baseline_RT, b.baseline_RT);
  EXPECT_EQ(a.trend_RT, b.trend_RT);
  EXPECT_EQ(a.seasonality_RT, b.seasonality_RT);
  EXPECT_EQ(a.control_RTK, b.control_RTK);
  EXPECT_EQ(a.media_RTC, b.media_RTC);
  EXPECT_EQ(a.coefficient_RTC, b.coefficient_RTC);
  EXPECT_EQ(a.target_scale_R, b.target_scale_R);
  EXPECT_EQ(a.media_scale_RC, b.media_scale_RC);
  EXPECT_EQ(a.scale_factor_R, b.scale_factor_R);
  EXPECT_EQ(a.baseline_level_R, b.baseline_level_R);
  EXPECT_EQ(a.lower_RT, b.lower_RT);
  EXPECT_EQ(a.upper_RT, b.upper_RT);
  EXPECT_EQ(a.noise_scale_R, b.noise_scale_R);
  EXPECT_EQ(a.sample_scale_R, b.sample_scale_R);
}

}  // namespace dcmmm
