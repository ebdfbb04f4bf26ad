#include "report/table_json.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "common/csv_field.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;

TEST(TableJson, TellsTextsFromNumbersByTheirColumns) {
  const Json table = table_json("region,week,value\n007,1,0.1\n1e5,2,\n007,1,-3\n");
  EXPECT_EQ(table["columns"], Json({"region", "week", "value"}));
  EXPECT_EQ(table["rows"], 3);
  EXPECT_EQ(table["values"]["region"], Json({{"labels", {"007", "1e5"}}, {"codes", {0, 1, 0}}}));
  EXPECT_EQ(table["values"]["week"]["labels"], Json({"1", "2"}));
  EXPECT_EQ(table["values"]["value"], Json({0.1, nullptr, -3.0}));
}

TEST(TableJson, ReadsQuotedFields) {
  const Json table = table_json("channel,spend\n\"a,\"\"b\"\"\nc\",1\n\" x \",2\n");
  EXPECT_EQ(table["values"]["channel"]["labels"], Json({"a,\"b\"\nc", " x "}));
  EXPECT_EQ(table["rows"], 2);
}

// What keeps a spreadsheet from running a name as a formula is the file's business, not the name's.
TEST(TableJson, ShowsNamesWithoutTheGuardOfFiles) {
  std::string csv = "region,value\n";
  const std::vector<std::string> names = {"=cmd", "=SUM(A1,\"b\")", "-x", "-5", "'quoted'", "'", "'tis"};
  for (const std::string& name : names) csv += csv_field(name) + ",1\n";
  ASSERT_NE(csv.find("'=cmd,"), csv.npos);
  EXPECT_EQ(table_json(csv)["values"]["region"]["labels"], Json(names));
}

TEST(TableJson, KeepsEveryDigit) {
  const Json table = table_json("value\n567746.6142138878\n3.952804677823604e-06\n15407122963.145172\n");
  EXPECT_EQ(table["values"]["value"].dump(), "[567746.6142138878,3.952804677823604e-06,15407122963.145172]");
}

TEST(TableJson, HasColumnsWithoutRows) {
  const Json table = table_json("source,target,weight\n");
  EXPECT_EQ(table["rows"], 0);
  EXPECT_EQ(table["values"]["weight"], Json::array());
  EXPECT_EQ(table["values"]["source"]["labels"], Json::array());
}

TEST(TableJson, GivesRowsOneByOne) {
  std::istringstream csv("channel,region,spend\n\"a,\"\"b\"\"\nc\",'=r,1\n,,\nlast,x,2");
  using Row = std::vector<std::string>;
  EXPECT_EQ(next_row(csv), (Row{"channel", "region", "spend"}));
  EXPECT_EQ(next_row(csv), (Row{"a,\"b\"\nc", "=r", "1"}));
  EXPECT_EQ(next_row(csv), (Row{"", "", ""}));
  EXPECT_EQ(next_row(csv), (Row{"last", "x", "2"}));
  EXPECT_EQ(next_row(csv), Row{});
}

}  // namespace
}  // namespace dcmmm
