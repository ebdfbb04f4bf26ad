#include "analysis/metrics_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

namespace dcmmm {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

Figures figures(double rmse, double r2, int64_t cells = 1496) { return {cells, r2, rmse, 40e3, .05, .04, .5, .043}; }

FitFigures real_looking() {
  return {figures(84321, .997, 18874),
          figures(120e3, .994),
          {figures(223.2e3, .979), figures(132.8e3, .9926), figures(135.7e3, .9922), figures(127e3, .9932),
           figures(193.8e3, .9842), figures(140e3, .99)}};
}

FitFigures without_holdout() {
  const double none = std::nan("");
  const Figures nothing{0, none, none, none, none, none, none, none};
  return {figures(84321, .997, 18874), nothing, {nothing, nothing, nothing, nothing, nothing, nothing}};
}

RunFacts facts() {
  RunFacts facts;
  facts.fit_seconds = 8;
  facts.checkpoint_seconds = 0.25;
  facts.steps = 80;
  facts.ranks = 3;
  facts.version = "0.1.0";
  return facts;
}

// Two regions in one week of holdout, the third of the panel: one of the two cells is covered, the total is not.
OriginForecasts one_week() {
  OriginForecasts out;
  out.origin = out.first_week = 2;
  out.weeks = 1;
  out.actual_RN = {10, 20};
  out.counted_RN = {1, 1};
  out.predicted_MRN = {{11, 25}};
  out.lower_RN = {9, 21};
  out.upper_RN = {13, 29};
  out.total_actual_N = {30};
  out.total_predicted_N = {36};
  out.total_lower_N = {31};
  out.total_upper_N = {41};
  return out;
}

TEST(MetricsJson, HoldsTheDocumentedKeys) {
  const Json metrics = Json::parse(metrics_json(real_looking(), one_week(), {"w0", "w1", "w2"}, facts()));
  std::vector<std::string> keys;
  for (const auto& [key, value] : metrics.items()) keys.push_back(key);
  EXPECT_THAT(keys, ::testing::ElementsAre(
                        "train", "holdout", "naive", "skill", "gap", "coverage_90", "coverage_90_totals", "totals",
                        "dag", "seconds", "steps", "steps_per_second", "peak_memory_bytes", "ranks", "device",
                        "parameters", "estimator", "media_unit", "size_offset", "loss", "contributions",
                        "identification", "components", "experiments", "settings", "version", "results_sha256"));
  for (const char* split : {"train", "holdout"}) {
    for (const char* key :
         {"r2", "rmse", "mae", "relative_error", "wape", "median_region_r2", "median_region_relative_error"}) {
      EXPECT_TRUE(metrics[split][key].is_number()) << key;
    }
  }
  EXPECT_EQ(metrics["train"]["cells"], 18874);
  EXPECT_EQ(metrics["naive"].size(), 6u);
  EXPECT_EQ(metrics["naive"]["last_13"]["rmse"], 127e3);
  EXPECT_EQ(metrics["naive"]["seasonal"]["r2"], .9842);
  EXPECT_DOUBLE_EQ(metrics["skill"], 127. / 120);
  EXPECT_NEAR(metrics["gap"], .003, 1e-12);
  EXPECT_EQ(metrics["coverage_90"], .5);
  EXPECT_EQ(metrics["coverage_90_totals"], 0);
  EXPECT_EQ(metrics["totals"],
            Json::parse(R"([{"week":"w2","actual":30.0,"predicted":36.0,"lower":31.0,"upper":41.0}])"));
  EXPECT_TRUE(metrics["dag"]["h"].is_null() && metrics["dag"]["edges"].is_null());
  EXPECT_EQ(metrics["steps_per_second"], 10);
  EXPECT_EQ(metrics["ranks"], 3);
  EXPECT_EQ(metrics["seconds"]["fit"], 8);
  EXPECT_EQ(metrics["seconds"]["checkpoints"], 0.25);
}

TEST(MetricsJson, SaysNullForWhatDoesNotApply) {
  RunFacts no_fit;  // a resumed run that was finished: no steps, no time
  const Json metrics = Json::parse(metrics_json(without_holdout(), {}, {"w0"}, no_fit));
  EXPECT_TRUE(metrics["train"]["r2"].is_number());
  for (const auto& [key, value] : metrics["holdout"].items()) {
    if (key != "cells") {
      EXPECT_TRUE(value.is_null()) << key;
    }
  }
  EXPECT_EQ(metrics["holdout"]["cells"], 0);
  for (const auto& [name, value] : metrics["naive"].items()) {
    EXPECT_TRUE(value["r2"].is_null() && value["rmse"].is_null()) << name;
  }
  for (const char* key : {"skill", "gap", "steps_per_second", "coverage_90", "coverage_90_totals"})
    EXPECT_TRUE(metrics[key].is_null()) << key;
}

TEST(EndTable, ShowsTheFitBesideTheNaiveForecasts) {
  const std::string table = end_table(real_looking());
  EXPECT_THAT(table, HasSubstr("18,874"));
  EXPECT_THAT(table, HasSubstr("120,000"));
  EXPECT_THAT(table, HasSubstr("naive last_13 (best)"));
  EXPECT_THAT(table, HasSubstr("Gap (train R2 - holdout R2): 0.30 points."));
  EXPECT_THAT(
      table,
      HasSubstr("beats every naive forecast: its RMSE is 5.5 % below that of the best one, last_13 (skill 1.058)"));
  std::istringstream lines(table);
  std::string line, header;
  std::getline(lines, header);
  for (int row = 0; row < 8; ++row) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_EQ(line.size(), header.size()) << line;
  }
}

TEST(EndTable, AdmitsWhenANaiveForecastIsBetter) {
  FitFigures worse = real_looking();
  worse.holdout.rmse = 254e3;
  EXPECT_THAT(end_table(worse),
              HasSubstr("does NOT beat the naive forecast last_13: its RMSE is 100.0 % above (skill 0.500)"));
}

TEST(EndTable, ShowsTrainOnlyWithoutHoldout) {
  const std::string table = end_table(without_holdout());
  EXPECT_THAT(table, HasSubstr("No holdout"));
  EXPECT_THAT(table, ::testing::Not(HasSubstr("naive last_4")));
  EXPECT_THAT(table, ::testing::Not(HasSubstr("nan")));
}

TEST(EndTable, KeepsSmallNumbersReadable) {
  FitFigures small = real_looking();
  small.holdout.rmse = .01234;
  small.train.rmse = 12345678.9;
  small.naive[0].rmse = 999.96;
  const std::string table = end_table(small);
  EXPECT_THAT(table, HasSubstr("0.01234"));
  EXPECT_THAT(table, HasSubstr("12,345,679"));
  EXPECT_THAT(table, HasSubstr("1,000.0"));
  small.holdout.rmse = 1.234e-6;
  small.train.rmse = .0005;
  small.naive[0].rmse = 2e-100;
  small.naive[1].rmse = .001;
  small.naive[2].rmse = 0;
  const std::string tiny = end_table(small);
  for (const char* number : {" 1.23e-06 ", " 0.000500 ", " 2.00e-100 ", " 0.00100 ", " 0.00000 "})
    EXPECT_THAT(tiny, HasSubstr(number));
}

}  // namespace
}  // namespace dcmmm
