#include "report/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/table_json.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Two channels with a share of 20 % and 10 %, the second following demand.
Json sample(double skill = 1.25) {
  Json tables;
  tables["channel_summary.csv"] = table_json(
      "channel,spend,contribution,contribution_lower,contribution_upper,share,marginal_roi,identified\n"
      "TV,10,200,150,260,0.2,0.5,yes\nSearch,10,100,0,900,0.1,3,no\n");
  tables["saturation.csv"] =
      table_json("channel,headroom,headroom_lower,headroom_upper\nTV,0.25,0.1,0.5\nSearch,0.9,,\n");
  tables["dag.csv"] = table_json("source,target,directed\nTV,Search,yes\nSearch,TV,no\n");
  tables["totals.csv"] = table_json("week,split\n1,train\n2,holdout\n");
  return {{"run",
           {{"target", "sales"},
            {"regions", 7},
            {"weeks", {"1", "2"}},
            {"step", "weeks"},
            {"controls", {"c"}},
            {"interval", 0.9}}},
          {"metrics",
           {{"skill", skill},
            {"holdout", {{"relative_error", 0.08}, {"wape", 0.05}}},
            {"naive", {{"last", {{"rmse", 5.0}}}, {"last_4", {{"rmse", 4.0}}}}}}},
          {"tables", tables}};
}

std::string all_of(const Json& summary, const std::string& kind) {
  std::string out;
  for (const Json& sentence : summary)
    if (sentence["kind"] == kind) out += sentence["text"].get<std::string>() + "\n";
  return out;
}

TEST(Summary, SaysTheFiguresInWords) {
  const std::string facts = all_of(summary_of(sample()), "fact");
  EXPECT_THAT(facts, HasSubstr("explains sales in 7 regions over 2 weeks (1 to 2) by 2 channels and 1 control or "
                               "event. The last 1 was held out."));
  EXPECT_THAT(facts, HasSubstr("20.0 % less than that of the best simple forecast, last_4."));
  EXPECT_THAT(facts, HasSubstr("Media account for 30.00 % of the predicted total"));
  EXPECT_THAT(facts, HasSubstr("TV brings most: 20.00 % (90 % interval 15.00 % to 26.00 %)"));
  EXPECT_THAT(facts, HasSubstr("TV has 25.00 % of its curve's height left, interval 10.00 % to 50.00 %."));
  EXPECT_THAT(facts, HasSubstr("1 pair of channels; 1 of them with a direction"));
}

TEST(Summary, WarnsOfWhatIsNotIdentified) {
  const std::string warnings = all_of(summary_of(sample()), "warning");
  EXPECT_THAT(warnings, AllOf(HasSubstr("Not identified: Search."), HasSubstr("anything from 0 % to 90.00 %")));
  EXPECT_THAT(all_of(summary_of(sample()), "fact"), Not(HasSubstr("Search brings most")));
}

TEST(Summary, WarnsWhereANaiveForecastIsBetter) {
  EXPECT_THAT(all_of(summary_of(sample(0.8)), "warning"),
              HasSubstr("25.0 % MORE than that of the simple forecast last_4"));
}

TEST(Summary, SaysWhatAPlanGains) {
  Json data = sample();
  data["plan"]["tables"]["scenarios.csv"] =
      table_json("scenario,spend,gain,gain_lower,gain_upper\ntoday,1000,0,0,0\nplan,2000,3000,1000,5000\n");
  EXPECT_THAT(all_of(summary_of(data), "fact"),
              HasSubstr("plan spends 2,000 and gains 3,000 sales over today's spend (1,000 to 5,000)."));
  data["plan"]["tables"]["scenarios.csv"] =
      table_json("scenario,spend,gain,gain_lower,gain_upper\nplan,2000,3000,-1000,5000\n");
  EXPECT_THAT(all_of(summary_of(data), "warning"), HasSubstr("its interval holds losses, too."));
  data["plan"]["facts"]["currency"] = false;
  EXPECT_THAT(all_of(summary_of(data), "warning"), HasSubstr("plan spends 2,000 media units and gains"));
}

TEST(Summary, SaysThatAPlanLoses) {
  const auto summary_with = [](const std::string& rows) {
    Json data = sample();
    data["plan"]["tables"]["scenarios.csv"] = table_json("scenario,spend,gain,gain_lower,gain_upper\n" + rows);
    return summary_of(data);
  };
  const std::string warnings = all_of(summary_with("today,2000,0,0,0\nplan,1200,-300,-500,-100\n"), "warning");
  EXPECT_THAT(warnings, HasSubstr("spends 1,200 and LOSES 300.0 sales against today's spend (100.0 to 500.0): its "
                                  "whole interval is a loss. It spends 40.00 % less than today, from which this "
                                  "follows, too."));
  EXPECT_THAT(warnings, Not(HasSubstr("holds losses")));
  EXPECT_THAT(all_of(summary_with("today,2000,0,0,0\nplan,2010,-300,-500,100\n"), "warning"),
              HasSubstr("against today's spend (-100.0 to 500.0): its interval holds gains, too.\n"));
  // A larger budget's gain isn't the plan's alone either, and a plan that moves nothing loses nothing.
  EXPECT_THAT(all_of(summary_with("today,1000,0,0,0\nplan,2000,300,100,500\n"), "fact"),
              HasSubstr("(100.0 to 500.0). It spends 100.00 % more than today, from which this follows, too."));
  EXPECT_THAT(all_of(summary_with("today,1000,0,0,0\nplan,1000,0,0,0\n"), "fact"), HasSubstr("The budget plan spends"));
  EXPECT_THAT(all_of(summary_with("today,1000,0,,\nplan,900,-300,,\n"), "warning"),
              HasSubstr("LOSES 300.0 sales against today's spend. It spends 10.00 % less"));
}

TEST(Summary, SaysWhatARunDoesNotHave) {
  Json data = sample();
  data["metrics"]["skill"] = nullptr;
  data["tables"]["channel_summary.csv"] = table_json(
      "channel,spend,contribution,contribution_lower,contribution_upper,share,marginal_roi,identified\n"
      "TV,10,200,,,0.2,0.5,yes\nSearch,10,100,,,0.1,3,yes\n");
  data["tables"]["dag.csv"] = table_json("source,target,directed\n");
  const std::string warnings = all_of(summary_of(data), "warning");
  EXPECT_THAT(warnings, AllOf(HasSubstr("No weeks were held out"), HasSubstr("ensemble.members=16")));
  EXPECT_THAT(all_of(summary_of(data), "fact"), Not(HasSubstr("pair")));
}

}  // namespace
}  // namespace dcmmm
