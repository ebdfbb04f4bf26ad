#include "data/parquet_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "common/files.hpp"
#include "common/text.hpp"
#include "data/table_reader.hpp"
#include "tests/file_helpers.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

class ParquetWriter : public ::testing::Test {
 protected:
  void write(const std::string& csv, const std::set<std::string>& texts) {
    write_text_file(folder_.path() / "table.csv", csv);
    write_parquet(folder_.path() / "table.csv", texts, output());
  }
  std::filesystem::path output() const { return folder_.path() / "table.parquet"; }

  TemporaryFolder folder_;
};

TEST_F(ParquetWriter, KeepsNamesTextsAndNumbersToTheBit) {
  write(
      "region,value,note\n"
      "007,0.1,\n"
      "\"a, \"\"b\"\"\nc\",,x\n"
      "NA,5e-324,y\n"
      "-,17976931348623157e292,z\n",
      {"region", "note"});
  TableReader reader(output());
  EXPECT_THAT(reader.columns(), ElementsAre("region", "value", "note"));
  reader.select({"region", "note"}, {"value"});
  std::vector<CellColumn> cells;
  ASSERT_TRUE(reader.next(cells));
  EXPECT_THAT(cells[0].texts, ElementsAre("007", "a, \"b\"\nc", "NA", "-"));
  EXPECT_THAT(cells[1].texts, ElementsAre("", "x", "y", "z"));
  EXPECT_FALSE(cells[2].is_text);
  EXPECT_THAT(cells[2].numbers, ElementsAre(0.1, 0.0, 5e-324, std::numeric_limits<double>::max()));
  EXPECT_THAT(cells[2].missing, ElementsAre(0, 1, 0, 0));
  EXPECT_FALSE(reader.next(cells));
}

TEST_F(ParquetWriter, GivesTheSameBytesAgain) {
  std::string csv = "region,value\n";
  for (int row = 0; row < 100'000; ++row) csv += text("r", row % 90, ",", 0.1 * row, "\n");
  write(csv, {"region"});
  const std::string first = read_text_file(output());
  write(csv, {"region"});
  EXPECT_TRUE(read_text_file(output()) == first);
  EXPECT_LT(first.size(), csv.size());
}

TEST_F(ParquetWriter, WritesATableWithoutRows) {
  write("source,target,weight\n", {"source", "target"});
  TableReader reader(output());
  EXPECT_THAT(reader.columns(), ElementsAre("source", "target", "weight"));
  reader.select({"source"}, {"weight"});
  std::vector<CellColumn> cells;
  EXPECT_FALSE(reader.next(cells));
}

TEST_F(ParquetWriter, RefusesATextWhereANumberBelongs) {
  const std::string message = message_of<UserError>([&] { write("region,value\nnorth,much\n", {"region"}); });
  EXPECT_THAT(message, HasSubstr("much"));
  EXPECT_THAT(message, HasSubstr("table.parquet"));
  EXPECT_THAT(message, HasSubstr("Can't read '" + (folder_.path() / "table.csv").string()));
}

TEST_F(ParquetWriter, SaysWhichFileFailsAndWhatToDo) {
  const auto csv = folder_.path() / "table.csv";
  EXPECT_THAT(message_of<UserError>([&] { write_parquet(csv, {}, output()); }),
              AllOf(HasSubstr("Can't read '" + csv.string() + "' to write '" + output().string()),
                    HasSubstr("export.format=csv")));
  write_text_file(csv, "region,value\nnorth,1\n");
  const auto nowhere = folder_.path() / "none" / "table.parquet";
  EXPECT_THAT(message_of<UserError>([&] { write_parquet(csv, {"region"}, nowhere); }),
              AllOf(HasSubstr("Can't write '" + nowhere.string()), HasSubstr("Check that the folder exists")));
}

}  // namespace
}  // namespace dcmmm
