#include "data/csv_lines.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dcmmm {
namespace {

// The line of a record, with the text fed in pieces of every size.
int64_t line_of(const std::string& content, int64_t record) {
  int64_t found = 0;
  for (size_t size = 1; size <= content.size(); ++size) {
    CsvLines lines(record);
    size_t begin = 0;
    while (begin < content.size() && lines.feed(std::string_view(content).substr(begin, size))) begin += size;
    lines.finish();
    const int64_t line = lines.found() ? lines.line() : -1;
    if (size > 1) {
      EXPECT_EQ(line, found) << "pieces of " << size;
    }
    found = line;
  }
  return found;
}

}  // namespace

TEST(CsvLines, CountsHeaderEmptyLinesAndQuotedNewlines) {
  const std::string content = "a,b\r\n1,2\r\n\r\n\"x\ny\",3\r\n\"say \"\"hi\"\",\",4\r\n5,6";
  EXPECT_EQ(line_of(content, 0), 1);
  EXPECT_EQ(line_of(content, 1), 2);
  EXPECT_EQ(line_of(content, 2), 4);
  EXPECT_EQ(line_of(content, 3), 6);
  EXPECT_EQ(line_of(content, 4), 7);
  EXPECT_EQ(line_of(content, 5), -1);
  EXPECT_EQ(line_of(content, -1), -1);  // no ragged record
}

TEST(CsvLines, FindsTheFirstRaggedRecord) {
  EXPECT_EQ(line_of("a,b\n1,2\n\n1,2,3\n1\n", -1), 4);
  EXPECT_EQ(line_of("a,b\n1\n", -1), 2);
  EXPECT_EQ(line_of("a,b\n\"1,5\",2\n1,\"2\n", -1), -1);
  CsvLines lines(-1);
  lines.feed("a,b\n1,2,3\n");
  EXPECT_EQ(lines.fields(), 3);
  EXPECT_EQ(lines.header_fields(), 2);
}

TEST(CsvLines, TellsWhereAnOpenQuoteBegan) {
  CsvLines lines(-1);
  lines.feed("a,b\n1,2\n3,\"4\n5,6\n");
  lines.finish();
  EXPECT_TRUE(lines.ended_in_quotes());
  EXPECT_EQ(lines.quote_line(), 3);
}

TEST(CsvLines, TakesEveryEndOfALine) {
  for (const std::string end : {"\n", "\r", "\r\n"}) {
    const std::string content = "a,b" + end + "1,2" + end + end + "\"x" + end + "y\",4" + end + "5,6" + end + "7";
    EXPECT_EQ(line_of(content, 1), 2);
    EXPECT_EQ(line_of(content, 2), 4);
    EXPECT_EQ(line_of(content, 3), 6);
    EXPECT_EQ(line_of(content, -1), 7);
  }
}

TEST(CsvLines, TakesAQuoteInsideAFieldAsText) { EXPECT_EQ(line_of("a,b\n5\" pipe,2\n3,4\n", 2), 3); }

}  // namespace dcmmm
