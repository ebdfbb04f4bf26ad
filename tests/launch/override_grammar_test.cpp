// The grammar's values are compared with hydra-core in hydra_parity.py; here the kinds of words and the messages.
#include "launch/override_grammar.hpp"

#include <gmock/gmock.h>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::string& word) {
  try {
    parse_override(word);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(OverrideGrammar, TellsTheKindsOfWords) {
  EXPECT_EQ(parse_override("a.b=1").kind, Override::Kind::kChange);
  EXPECT_EQ(parse_override("+a.b=1").kind, Override::Kind::kAdd);
  EXPECT_EQ(parse_override("++a.b=1").kind, Override::Kind::kForceAdd);
  EXPECT_EQ(parse_override("~a.b").kind, Override::Kind::kDelete);
  EXPECT_FALSE(parse_override("~a.b").value.has_value());
  const Override group = parse_override("+db/mysql@source.db=big");
  EXPECT_EQ(group.key, "db/mysql");
  EXPECT_EQ(group.package, "source.db");
  EXPECT_EQ(group.value, Value("big"));
}

TEST(OverrideGrammar, KeepsTheTypeOfValues) {
  EXPECT_NE(parse_override("a=3").value->as<int64_t>(), nullptr);
  EXPECT_NE(parse_override("a=3.").value->as<double>(), nullptr);
  EXPECT_NE(parse_override("a='3'").value->as<std::string>(), nullptr);
  EXPECT_NE(parse_override("a=True").value->as<bool>(), nullptr);
  EXPECT_TRUE(parse_override("a=null").value->is_null());
  EXPECT_EQ(*parse_override("a=").value, Value(""));
}

TEST(OverrideGrammar, SaysWhatToType) {
  EXPECT_THAT(refusal("steps"), HasSubstr("Error parsing override 'steps': there is no '='. Write it as key=value"));
  EXPECT_THAT(refusal("a b=1"), HasSubstr("'a b' is not a key"));
  EXPECT_THAT(refusal("a=[1,2"), HasSubstr("the value ends where ']' is expected"));
  EXPECT_THAT(refusal("a=b;c"), HasSubstr("the character ; at position 4 is only allowed in quotes"));
  EXPECT_THAT(refusal("a=é"), HasSubstr("the character é at position 3"));
  EXPECT_THAT(refusal("a=range(1,3)"), HasSubstr("functions such as"));
  EXPECT_THAT(refusal("a=99999999999999999999"), HasSubstr("doesn't fit into 64 bits"));
}

}  // namespace
}  // namespace dcmmm
