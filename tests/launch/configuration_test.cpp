// What hydra_parity.py can't compare: the messages, get(), values in C++. The composition itself is tested there.
#include "launch/configuration.hpp"

#include <gmock/gmock.h>

#include "launch/yaml_text.hpp"
#include "tests/launch/config_folder.hpp"

namespace dcmmm {
namespace {

using ::testing::AllOf;
using testing::ConfigFolder;
using testing::Files;
using ::testing::HasSubstr;

const Files kDatabase = {
    {"config.yaml",
     "defaults:\n  - db: mysql\n  - _self_\nname: app\nsize: 4\nrate: 0.5\non: true\ncolumns: [a, b]\nlabels: {a: A}\n"
     "nothing: null\nneeded: '?\?\?'\n"},
    {"db/mysql.yaml", "port: 3306\nhost: here\n"},
    {"db/pg.yaml", "port: 5432\nhost: there\n"}};

TEST(Configuration, ComposesGroupsAndChanges) {
  const ConfigFolder folder(kDatabase);
  const Value config = folder.composed({"db=pg", "db.port=1", "+extra.list=[1,x]"});
  EXPECT_EQ(get<std::string>(config, "db.host"), "there");
  EXPECT_EQ(get<int>(config, "db.port"), 1);
  EXPECT_EQ(get<int64_t>(config, "extra.list[0]"), 1);
  EXPECT_EQ(get<std::string>(config, "extra.list.1"), "x");
}

TEST(Configuration, FirstFolderWins) {
  const ConfigFolder built_in(kDatabase);
  const ConfigFolder own(Files{{"db/mysql.yaml", "port: 7\n"}, {"db/mine.yaml", "port: 8\n"}});
  const auto port = [&](std::vector<std::string> overrides) {
    return get<int>(compose({{own.path(), built_in.path()}, "config", std::move(overrides)}), "db.port");
  };
  EXPECT_EQ(port({}), 7);
  EXPECT_EQ(port({"db=mine"}), 8);
  EXPECT_EQ(port({"db=pg"}), 5432);
}

TEST(Configuration, SaysHowToAddAnUnknownKey) {
  const ConfigFolder folder(kDatabase);
  EXPECT_EQ(folder.refusal({"db.prt=1"}),
            "Could not override 'db.prt'. Did you mean 'db.port'?\nTo append to your config use +db.prt=1");
  EXPECT_THAT(folder.refusal({"+name=x"}),
              AllOf(HasSubstr("An item is already at 'name'"), HasSubstr("'name=x'"), HasSubstr("'++name=x'")));
}

TEST(Configuration, ListsAvailableOptions) {
  const ConfigFolder folder(kDatabase);
  EXPECT_THAT(folder.refusal({"db=oracle"}), AllOf(HasSubstr("In 'config': Could not find 'db/oracle'."),
                                                   HasSubstr("Available options in 'db':\n  mysql\n  pg"),
                                                   HasSubstr("Config search path:\n  " + folder.path().string())));
}

TEST(Configuration, SaysThatAGroupIsNotInTheDefaults) {
  auto files = kDatabase;
  files["cache/big.yaml"] = "size: 1\n";
  const ConfigFolder folder(files);
  EXPECT_EQ(
      folder.refusal({"cache=big"}),
      "Could not override 'cache'. No match in the defaults list.\nTo append to your default list use +cache=big");
  EXPECT_EQ(folder.refusal({"~cache"}), "Could not delete 'cache'. No match in the defaults list.");
}

TEST(Configuration, SaysThatACommaNeedsTheSweepOption) {
  const ConfigFolder folder(kDatabase);
  EXPECT_THAT(folder.refusal({"size=1,2"}), AllOf(HasSubstr("'size=1,2'"), HasSubstr("[value1,value2]"),
                                                  HasSubstr("dcmmm sweep -m key=value1,value2")));
}

TEST(Configuration, NamesFileAndLineOfBrokenYaml) {
  const ConfigFolder folder(Files{{"config.yaml", "a: 1\nb: [1\nc: 2\n"}});
  EXPECT_THAT(folder.refusal(), AllOf(HasSubstr("config.yaml' line 3"), HasSubstr("not valid YAML")));
  const ConfigFolder twice(Files{{"config.yaml", "a: 1\nb: 2\na: 3\n"}});
  EXPECT_THAT(twice.refusal(), HasSubstr("config.yaml' line 3: duplicate key 'a'"));
}

TEST(Configuration, NamesTheKeyOfABrokenInterpolation) {
  const ConfigFolder folder(Files{{"config.yaml", "a: {port: 1}\nb: {c: '${a.prt}'}\n"}});
  EXPECT_EQ(folder.refusal(),
            "Can't resolve the interpolation at 'b.c': the key 'a.prt' was not found. Did you mean 'a.port'?");
}

TEST(Configuration, GetConvertsAndRefuses) {
  const ConfigFolder folder(kDatabase);
  const Value config = folder.composed();
  EXPECT_EQ(get<double>(config, "rate"), 0.5);
  EXPECT_EQ(get<double>(config, "size"), 4.0);
  EXPECT_TRUE(get<bool>(config, "on"));
  EXPECT_EQ(get<std::vector<std::string>>(config, "columns"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(get<TextMap>(config, "labels"), (TextMap{{"a", "A"}}));
  EXPECT_EQ(get<std::optional<std::string>>(config, "nothing"), std::nullopt);
  EXPECT_EQ(get<std::optional<std::string>>(config, "name"), "app");
  const auto refusal = [&](auto call) -> std::string {
    try {
      call();
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal([&] { get<int>(config, "name"); }), "'name' is 'app', but it must be a whole number.");
  EXPECT_EQ(refusal([&] { get<int>(config, "nothing"); }), "'nothing' is null, but it must be a whole number.");
  EXPECT_EQ(refusal([&] { get<int>(config, "needed"); }),
            "Missing mandatory value: 'needed'. Set it with needed=VALUE.");
  EXPECT_EQ(refusal([&] { get<int>(config, "sizes"); }), "The config has no key 'sizes'. Did you mean 'size'?");
}

TEST(Configuration, KeepsMissingValuesWhenPrinted) {
  const ConfigFolder folder(Files{{"config.yaml", "a: '?\?\?'\nb: 1\n"}});
  EXPECT_EQ(to_yaml(folder.composed()), "a: \"?\?\?\"\nb: 1\n");
  EXPECT_EQ(to_yaml(folder.composed({"a=2"})), "a: 2\nb: 1\n");
}

TEST(YamlText, ReadsBackWhatItWrote) {
  const Value value =
      Value::Map{{"int", int64_t{-3}}, {"float", 2.0},
                 {"tiny", 1e-300},     {"no", "no"},
                 {"number", "12"},     {"empty", ""},
                 {"colon", "a: b"},    {"lines", "a\n\"b\"\\"},
                 {"umlaut", "ä"},      {"null", Value()},
                 {"flag", false},      {"list", Value::List{Value::List{}, Value::Map{}, Value::List{1.5, "x"}}},
                 {"space ", " x "},    {"12", "1:30"}};
  EXPECT_EQ(parse_yaml(to_yaml(value), "test"), value);
  EXPECT_EQ(to_yaml(parse_yaml(to_yaml(value), "test")), to_yaml(value));
}

}  // namespace
}  // namespace dcmmm
