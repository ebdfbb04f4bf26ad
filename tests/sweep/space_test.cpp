#include "sweep/space.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(const std::string& word) {
  try {
    parse_search_word(word);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Space, TellsSearchesFromPlainValues) {
  for (const char* word :
       {"a=1,2", "a.b=choice(x)", "a=range(3)", "a=interval(0,1)", "a=tag(log, interval(1,2))", "a=uniform(0,1)"})
    EXPECT_TRUE(is_search_word(word)) << word;
  for (const char* word :
       {"a=1", "a=[1,2]", "a={b: 1, c: 2}", "a='1,2'", "a=\"x,y\"", "~a", "data=auto", "a=sales(1).csv", "a='b(1)'"})
    EXPECT_FALSE(is_search_word(word)) << word;
}

// The values that Hydra 1.3's BasicSweeper makes of the same words.
TEST(Space, ReadsHydrasSweeps) {
  EXPECT_THAT(parse_search_word("a=1,2,3").choices, ElementsAre("1", "2", "3"));
  EXPECT_THAT(parse_search_word("a=choice([1,2], x ,null)").choices, ElementsAre("[1,2]", "x", "null"));
  EXPECT_THAT(parse_search_word("a=range(4)").choices, ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(parse_search_word("a=range(1,7,2)").choices, ElementsAre("1", "3", "5"));
  EXPECT_THAT(parse_search_word("a=range(0, 0.5, 0.25)").choices, ElementsAre("0", "0.25"));
  EXPECT_THAT(parse_search_word("a=range(3,0,-1)").choices, ElementsAre("3", "2", "1"));
}

TEST(Space, ReadsIntervals) {
  const Parameter real = parse_search_word("a.b=interval(0.1, 2)");
  EXPECT_EQ(real.kind, Parameter::Kind::kReal);
  EXPECT_EQ(real.low, 0.1);
  EXPECT_EQ(real.high, 2);
  EXPECT_FALSE(real.log);
  EXPECT_EQ(parse_search_word("a=interval(1,5)").kind, Parameter::Kind::kInteger);
  const Parameter log = parse_search_word("a=tag(log, interval(1e-4,1e-1))");
  EXPECT_TRUE(log.log);
  EXPECT_NEAR(from_unit(log, 0.5), std::sqrt(1e-4 * 1e-1), 1e-15);
}

TEST(Space, RefusesWhatItCantSearch) {
  EXPECT_THAT(refusal("a=interval(2,1)"), HasSubstr("low must be below its high"));
  EXPECT_THAT(refusal("a=tag(log, interval(0,1))"), HasSubstr("above 0"));
  EXPECT_THAT(refusal("a=tag(speed, interval(0,1))"), HasSubstr("tag(log, interval(low,high))"));
  EXPECT_THAT(refusal("a=range(1,0)"), HasSubstr("no values"));
  EXPECT_THAT(refusal("a=range(0,1,0)"), HasSubstr("no values"));
  EXPECT_THAT(refusal("a=range(0,1e9,1)"), HasSubstr("more than"));
  EXPECT_THAT(refusal("a=interval(x,1)"), HasSubstr("'x' is not a number"));
  EXPECT_THAT(refusal("a=1,,2"), HasSubstr("empty"));
  EXPECT_THAT(refusal("a=1,1"), HasSubstr("twice"));
  EXPECT_THAT(refusal("a=shuffle(1,2)"), HasSubstr("expected a,b,c"));
  EXPECT_THAT(refusal("+a=1,2"), HasSubstr("key=values"));
}

TEST(Space, GivesEveryValueItsShare) {
  const Parameter whole = parse_search_word("a=interval(1,4)");
  std::vector<int> counts(5);
  for (int i = 0; i < 400; ++i) ++counts[static_cast<size_t>(from_unit(whole, (i + 0.5) / 400))];
  EXPECT_THAT(counts, ElementsAre(0, 100, 100, 100, 100));
  const Parameter choice = parse_search_word("a=x,y");
  EXPECT_EQ(value_text(choice, from_unit(choice, 0.49)), "x");
  EXPECT_EQ(value_text(choice, from_unit(choice, 0.51)), "y");
  EXPECT_EQ(value_text(choice, from_unit(choice, 1.0)), "y");
  for (const char* word : {"a=interval(1,9)", "a=interval(-2.5,3)", "a=tag(log, interval(1,100))", "a=x,y,z"}) {
    const Parameter parameter = parse_search_word(word);
    for (const double place : {0.05, 0.5, 0.93}) {
      const double value = from_unit(parameter, place);
      EXPECT_NEAR(from_unit(parameter, to_unit(parameter, value)), value, 1e-9) << word << " at " << place;
    }
  }
}

}  // namespace
}  // namespace dcmmm
