#include "launch/schema.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "launch/yaml_text.hpp"
#include "tests/launch/config_folder.hpp"

namespace dcmmm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Value built_in(const std::vector<std::string>& overrides = {}) {
  return compose({{std::filesystem::path(DCMMM_SOURCE_DIR) / "configs"}, "config", overrides});
}

std::string refusal(const std::vector<std::string>& overrides) {
  try {
    Value config = built_in(overrides);
    check_config(config);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Schema, KnowsEveryBuiltInKeyAndNoOther) {
  const auto paths = leaf_paths(built_in());
  std::set<std::string> keys, written(paths.begin(), paths.end());
  for (const auto& spec : known_keys()) EXPECT_TRUE(keys.insert(spec.key).second) << spec.key << " is there twice";
  EXPECT_EQ(keys, written);
}

TEST(Schema, AcceptsEveryBuiltInBundle) {
  for (const std::string data : {"auto", "dma_panel", "meridian_geo"}) EXPECT_EQ(refusal({"data=" + data}), "") << data;
}

TEST(Schema, ConvertsToTheKeysType) {
  Value config = built_in({"trainer.learning_rate=1", "trainer.threads='4'", "run.dir=2024", "data.media=spend",
                           "data.cost={tv: 2}", "+data.names.a=1", "trainer.early_stopping='False'"});
  check_config(config);
  EXPECT_NE(find_path(config, "trainer.learning_rate")->as<double>(), nullptr);
  EXPECT_EQ(get<int>(config, "trainer.threads"), 4);
  EXPECT_EQ(get<std::string>(config, "run.dir"), "2024");
  EXPECT_EQ(get<std::vector<std::string>>(config, "data.media"), std::vector<std::string>{"spend"});
  EXPECT_EQ(get<NumberMap>(config, "data.cost"), (NumberMap{{"tv", 2.0}}));
  EXPECT_EQ(get<TextMap>(config, "data.names"), (TextMap{{"a", "1"}}));
  EXPECT_FALSE(get<bool>(config, "trainer.early_stopping"));
}

TEST(Schema, TakesWholeNumbersHoweverTheyAreWritten) {
  Value config = built_in({"data.holdout_weeks=8.0", "trainer.steps=1e1", "run.seed=-0.0", "trainer.threads='2.0'"});
  check_config(config);
  EXPECT_NE(find_path(config, "data.holdout_weeks")->as<int64_t>(), nullptr);
  EXPECT_EQ(get<int64_t>(config, "data.holdout_weeks"), 8);
  EXPECT_EQ(get<int>(config, "trainer.steps"), 10);
  EXPECT_EQ(get<int64_t>(config, "run.seed"), 0);
  EXPECT_EQ(get<int>(config, "trainer.threads"), 2);
  EXPECT_THAT(refusal({"data.holdout_weeks=8.5"}), HasSubstr("'data.holdout_weeks' is 8.5, but expected a whole"));
  EXPECT_THAT(refusal({"data.holdout_weeks=-8.0"}), HasSubstr("'data.holdout_weeks' is -8, but expected a whole"));
  for (const std::string beyond : {"1e300", "9.3e18", "inf", "nan"})
    EXPECT_THAT(refusal({"run.seed=" + beyond}), HasSubstr("expected a whole number")) << beyond;
}

TEST(Schema, RefusesWrongTypesAndRanges) {
  EXPECT_EQ(refusal({"trainer.steps=many"}),
            "'trainer.steps' is 'many', but expected a whole number of at least 0 (steps of gradient descent).");
  EXPECT_THAT(refusal({"trainer.steps=1.5"}), HasSubstr("'trainer.steps' is 1.5, but expected a whole number"));
  EXPECT_THAT(refusal({"trainer.steps=-1"}), HasSubstr("'trainer.steps' is -1"));
  EXPECT_THAT(refusal({"trainer.steps=null"}), HasSubstr("'trainer.steps' is null"));
  EXPECT_THAT(refusal({"trainer.steps=[1]"}), HasSubstr("'trainer.steps' is [1]"));
  EXPECT_THAT(refusal({"trainer.learning_rate=nan"}), HasSubstr("'trainer.learning_rate' is nan"));
  EXPECT_THAT(refusal({"trainer.learning_rate=0"}), HasSubstr("expected a number above 0"));
  EXPECT_THAT(refusal({"model.gru.scale=0"}),
              AllOf(HasSubstr("expected a number above 0"), HasSubstr("model.gru.enabled=false does without")));
  EXPECT_THAT(refusal({"export.interval=1.0"}), HasSubstr("expected a number above 0 and below 1"));
  EXPECT_EQ(refusal({"export.interval=0.999"}), "");
  EXPECT_THAT(refusal({"model.baseline.persistence=1.01"}), HasSubstr("of at least 0 and of at most 1"));
  EXPECT_EQ(refusal({"model.baseline.persistence=1"}), "");
  EXPECT_THAT(refusal({"trainer.deterministic=maybe"}), HasSubstr("expected true or false"));
  EXPECT_THAT(refusal({"trainer.precision=float16"}),
              AllOf(HasSubstr("one of float32, tf32, float64 (of the model's arithmetic"),
                    HasSubstr("Did you mean 'float32'?")));
  EXPECT_THAT(refusal({"data.cost={tv: dear}"}),
              HasSubstr("'data.cost' is {tv: 'dear'}, but expected a mapping of numbers, or null"));
  EXPECT_THAT(refusal({"data.media=[[a]]"}), HasSubstr("expected a list of texts, or null"));
}

TEST(Schema, NamesTheNearestKeyOfAnUnknownOne) {
  EXPECT_EQ(refusal({"+trainer.stepz=5"}), "Unknown key 'trainer.stepz' (value 5). Did you mean 'trainer.steps'?");
  EXPECT_THAT(refusal({"+model.gru.scales={a: 1}"}), HasSubstr("Unknown key 'model.gru.scales' (value {a: 1})"));
}

TEST(Schema, ReportsEveryProblemAtOnce) {
  EXPECT_THAT(refusal({"trainer.steps=x", "~mesh.regions", "+foo=1"}),
              AllOf(HasSubstr("'trainer.steps'"), HasSubstr("The config has no key 'mesh.regions'"),
                    HasSubstr("Unknown key 'foo'")));
  EXPECT_THAT(refusal({"trainer=5"}), HasSubstr("config group"));
}

TEST(Schema, LetsMissingValuesPass) {
  Value config = built_in({"data.source='?\?\?'"});
  EXPECT_NO_THROW(check_config(config));
  EXPECT_THROW(get<std::string>(config, "data.source"), UserError);
}

TEST(Schema, ReadsSizesAndTimes) {
  EXPECT_EQ(parse_bytes("4GiB", "k"), int64_t{4} << 30);
  EXPECT_EQ(parse_bytes("512 MB", "k"), 512000000);
  EXPECT_EQ(parse_bytes("1.5KiB", "k"), 1536);
  EXPECT_EQ(parse_bytes("1000", "k"), 1000);
  for (const std::string bad : {"", "GiB", "-1GiB", "4 Gib", "0", "4GiB2", "nan", "1e30TiB"})
    EXPECT_THROW(parse_bytes(bad, "k"), UserError) << bad;
  EXPECT_EQ(parse_duration("90", "k"), 90);
  EXPECT_EQ(parse_duration("30m", "k"), 1800);
  EXPECT_EQ(parse_duration("1h30m", "k"), 5400);
  EXPECT_EQ(parse_duration("2d", "k"), 172800);
  for (const std::string bad : {"", "h", "1x", "-5m", "0s", "1h 30", "inf"})
    EXPECT_THROW(parse_duration(bad, "k"), UserError) << bad;
}

}  // namespace
}  // namespace dcmmm
