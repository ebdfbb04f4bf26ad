#include "data/column_roles.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Names = std::vector<std::string>;

AssignedRoles assign(const std::vector<std::string>& columns, const ColumnRoles& given = {},
                     const std::map<std::string, std::string>& names = {}) {
  return assign_roles(columns, given, names, "panel.csv");
}

std::string message_of(const std::vector<std::string>& columns, const ColumnRoles& given = {},
                       const std::map<std::string, std::string>& names = {}) {
  try {
    assign(columns, given, names);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST(ColumnRoles, GuessesByName) {
  const auto roles =
      assign({"dmacode", "weekid", "Impressions_TV", "media_radio", "target_visits", "control_01", "Population", "x"});
  EXPECT_EQ(roles.region, "dmacode");
  EXPECT_EQ(roles.time, "weekid");
  EXPECT_EQ(roles.target, "target_visits");
  EXPECT_EQ(roles.population, "Population");
  EXPECT_THAT(roles.media, ElementsAre("Impressions_TV", "media_radio"));
  EXPECT_THAT(roles.channel_names, ElementsAre("TV", "radio"));
  EXPECT_THAT(roles.control_names, ElementsAre("01"));
  EXPECT_THAT(roles.ignored, ElementsAre("x"));
  EXPECT_FALSE(roles.has_spend());
  EXPECT_EQ(roles.guessed.count("media"), 1u);
}

TEST(ColumnRoles, PrefersTheExactName) {
  const auto roles = assign({"geo", "week", "week_of_year", "sales", "media_tv"});
  EXPECT_EQ(roles.time, "week");
}

TEST(ColumnRoles, TakesWhatIsGivenBeforeItGuesses) {
  ColumnRoles given;
  given.region = "store";
  given.target = "revenue_net";
  given.media = Names{"*_grp"};
  given.controls = Names{};
  const auto roles = assign({"store", "date", "tv_GRP", "radio_grp", "revenue_net", "control_x", "revenue"}, given);
  EXPECT_EQ(roles.target, "revenue_net");
  EXPECT_THAT(roles.media, ElementsAre("tv_GRP", "radio_grp"));
  EXPECT_THAT(roles.controls, IsEmpty());
  EXPECT_THAT(roles.ignored, ElementsAre("control_x", "revenue"));
  EXPECT_EQ(roles.guessed.count("region"), 0u);
}

TEST(ColumnRoles, PairsSpendWithItsChannel) {
  const auto roles = assign({"region", "week", "target", "impressions_tv", "spend_tv", "spend_search"});
  EXPECT_THAT(roles.media, ElementsAre("impressions_tv", "spend_search"));
  EXPECT_THAT(roles.spend_columns, ElementsAre("spend_tv", "spend_search"));  // money is its own spend
}

TEST(ColumnRoles, TakesSpendAsListAsMapOrAsPrice) {
  const std::vector<std::string> columns = {"region", "week", "target", "media_a", "media_b", "cost_a", "cost_b"};
  ColumnRoles list;
  list.spend = {"cost_a", "cost_b"};
  EXPECT_THAT(assign(columns, list).spend_columns, ElementsAre("cost_a", "cost_b"));
  ColumnRoles mixed;
  mixed.spend_of = {{"media_b", "cost_b"}};
  mixed.cost = {{"media_a", 0.5}};
  const auto roles = assign(columns, mixed);
  EXPECT_THAT(roles.spend_columns, ElementsAre("", "cost_b"));
  EXPECT_THAT(roles.cost_C, ElementsAre(0.5, 0.0));
  mixed.spend_of.clear();
  EXPECT_THAT(message_of(columns, mixed), HasSubstr("neither data.spend nor data.cost covers media_b"));
  list.spend = {"cost_a"};
  EXPECT_THAT(message_of(columns, list), HasSubstr("data.spend names 1 columns for 2 media columns"));
  ColumnRoles both;
  both.spend = {"cost_a", "cost_b"};
  both.cost = {{"media_a", 0.5}};
  EXPECT_THAT(message_of(columns, both), HasSubstr("'media_a' has both a spend column ('cost_a') and a price"));
}

TEST(ColumnRoles, UsesDisplayNamesAndKeepsThemDistinct) {
  const std::vector<std::string> columns = {"region", "week", "target", "media_tv", "impressions_tv", "control_a"};
  EXPECT_THAT(assign(columns).channel_names, ElementsAre("media_tv", "impressions_tv"));
  EXPECT_THAT(assign(columns, {}, {{"media_tv", "TV spots"}, {"control_a", "Price"}}).channel_names,
              ElementsAre("TV spots", "impressions_tv"));
  EXPECT_THAT(message_of(columns, {}, {{"media_tv", "TV"}, {"impressions_tv", "TV"}}),
              HasSubstr("share the display name 'TV'"));
  EXPECT_THAT(message_of(columns, {}, {{"media_tw", "TV"}}),
              HasSubstr("no column 'media_tw', which data.names names. Did you mean 'media_tv'?"));
}

TEST(ColumnRoles, ExplainsWhatIsWrong) {
  EXPECT_THAT(message_of({"week", "target", "media_a"}),
              HasSubstr("missing column: none is named like a region (region | geo | dma*)"));
  EXPECT_THAT(message_of({"region", "week", "target"}), HasSubstr("no media columns"));
  EXPECT_THAT(message_of({"region", "week", "target", "media_a", "media_a"}),
              HasSubstr("duplicate column name 'media_a'"));
  EXPECT_THAT(message_of({"region", "", "target", "media_a"}), HasSubstr("column 2 has no name"));
  EXPECT_THAT(message_of({"dma_code", "dma_name", "week", "target", "media_a"}),
              HasSubstr("any of the columns dma_code, dma_name could be the region. Say which: data.region=dma_code"));
  ColumnRoles unknown;
  unknown.target = "sale";
  EXPECT_THAT(message_of({"region", "week", "sales", "media_a"}, unknown),
              HasSubstr("no column 'sale', which data.target names. Did you mean 'sales'?"));
  ColumnRoles twice;
  twice.media = Names{"media_a", "control_b"};
  twice.controls = Names{"control_b"};
  EXPECT_THAT(message_of({"region", "week", "sales", "media_a", "control_b"}, twice),
              HasSubstr("column 'control_b' has two roles, media and controls"));
  ColumnRoles shared;
  shared.spend = {"cost", "cost"};
  EXPECT_THAT(message_of({"region", "week", "sales", "media_a", "media_b", "cost"}, shared),
              HasSubstr("column 'cost' is named twice as spend. Name each column once"));
  ColumnRoles pattern;
  pattern.media = Names{"tv_*"};
  EXPECT_THAT(message_of({"region", "week", "sales", "media_a"}, pattern),
              HasSubstr("no column 'tv_*', which data.media names"));
}

TEST(ColumnRoles, PrintsATable) {
  const auto table = describe(assign({"dma", "week", "target", "impressions_tv", "spend_tv", "note"}));
  EXPECT_EQ(table,
            "role      column          name  how\n"
            "region    dma                   guessed\n"
            "time      week                  guessed\n"
            "target    target                guessed\n"
            "media     impressions_tv  tv    guessed\n"
            "spend     spend_tv        tv    guessed\n"
            "not used  note\n");
}

}  // namespace dcmmm
