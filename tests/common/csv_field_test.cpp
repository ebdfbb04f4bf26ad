#include "common/csv_field.hpp"

#include <gtest/gtest.h>

namespace dcmmm {
namespace {

TEST(CsvField, QuotesWhatNeedsIt) {
  EXPECT_EQ(csv_field("New York"), "New York");
  EXPECT_EQ(csv_field(""), "");
  EXPECT_EQ(csv_field("Miami, FL"), "\"Miami, FL\"");
  EXPECT_EQ(csv_field("the \"Loop\""), "\"the \"\"Loop\"\"\"");
  EXPECT_EQ(csv_field("a\nb"), "\"a\nb\"");
  EXPECT_EQ(csv_field("a\rb"), "\"a\rb\"");
  EXPECT_EQ(csv_field(" padded"), "\" padded\"");
  // What a spreadsheet would run is text.
  EXPECT_EQ(csv_field("=HYPERLINK(\"x\",1)"), "\"'=HYPERLINK(\"\"x\"\",1)\"");
  EXPECT_EQ(csv_field("=cmd()"), "'=cmd()");
  EXPECT_EQ(csv_field("@SUM(A1)"), "'@SUM(A1)");
  EXPECT_EQ(csv_field("-2+3"), "'-2+3");
  EXPECT_EQ(csv_field("-"), "'-");
  EXPECT_EQ(csv_field("-12"), "-12");
  EXPECT_EQ(csv_field("+1.5e3"), "+1.5e3");
}

}  // namespace
}  // namespace dcmmm
