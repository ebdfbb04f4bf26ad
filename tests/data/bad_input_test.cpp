// Tables that must be refused: each with one message that names the place, the value and what to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.hpp"
#include "data/table_import.hpp"
#include "tests/data/table_files.hpp"

namespace dcmmm {
namespace {

using namespace std::string_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string message_of(const ImportOptions& options) {
  try {
    import_table(options);
  } catch (const UserError& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("not an error for the user: ") + error.what();
  }
  return "no error";
}

std::string message_of(const std::filesystem::path& path) {
  ImportOptions options;
  options.source = path;
  return message_of(options);
}

struct BadTable {
  std::string name;
  std::string content;
  std::vector<std::string> phrases;
};

void PrintTo(const BadTable& table, std::ostream* out) { *out << table.name; }

const std::string kHeader = "region,week,target,media_tv,control_a,population\n";
const std::string kGoodRow = "north,2024-01-01,10,1,2,100\n";

const std::vector<BadTable> kBadTables = {
    {"MissingRegionColumn",
     "week,target,media_tv\n1,2,3\n",
     {"missing column: none is named like a region", "data.region=COLUMN"}},
    {"MissingTimeColumn", "region,target,media_tv\n1,2,3\n", {"none is named like a time", "data.time=COLUMN"}},
    {"MissingTargetColumn",
     "region,week,media_tv\n1,2,3\n",
     {"none is named like a target", "The columns are: region, week, media_tv"}},
    {"NoMediaColumns", "region,week,target\n1,2,3\n", {"no media columns", "data.media="}},
    {"DuplicateColumnNames", "region,week,target,media_tv,media_tv\n1,2,3,4,5\n", {"duplicate column name 'media_tv'"}},
    {"ColumnWithoutName", "region,week,,media_tv\n1,2,3,4\n", {"column 3 has no name"}},
    {"LineBreakInColumnName",
     "region,week,target,\"media_tv\nspots\"\nnorth,1,10,1\n",
     {"the name of column 4 ('media_tv spots') holds a line break", "rename the column"}},
    {"ReturnInColumnName",
     "region,\"we\rek\",target,media_tv\nnorth,1,10,1\n",
     {"column 2 ('we ek') holds a line break"}},
    {"DuplicateRow",
     kHeader + kGoodRow + "north,2024-01-08,1,1,1,1\n" + kGoodRow,
     {"line 4", "columns 'region' and 'week'",
      "duplicate row for region 'north' and week '2024-01-01', already on line 2"}},
    {"TextInNumber",
     kHeader + kGoodRow + "north,2024-01-08,10,lots,2,100\n",
     {"line 3, column 'media_tv': 'lots' is not a number"}},
    {"ThousandsSeparator",
     kHeader + "north,2024-01-01,\"1,234\",1,2,100\n",
     {"line 2, column 'target': '1,234' is not a number"}},
    {"DecimalComma", kHeader + "north,2024-01-01,\"1,5\",1,2,100\n", {"'1,5' is not a number", "decimal point"}},
    {"TrailingUnit", kHeader + "north,2024-01-01,10,12 %,2,100\n", {"column 'media_tv': '12 %' is not a number"}},
    {"NotAvailable",
     kHeader + "north,2024-01-01,NA,1,2,100\n",
     {"column 'target': 'NA' is not a number", "leave the cell empty"}},
    {"Infinity",
     kHeader + "north,2024-01-01,10,inf,2,100\n",
     {"line 2, column 'media_tv': 'inf' is not a finite number"}},
    {"NegativeInfinity",
     kHeader + "north,2024-01-01,10,1,-Infinity,100\n",
     {"column 'control_a': '-Infinity' is not a finite number"}},
    {"NotANumber",
     kHeader + "north,2024-01-01,nan,1,2,100\n",
     {"column 'target': 'nan' is not a finite number", "leave the cell empty"}},
    {"TooLarge", kHeader + "north,2024-01-01,1e999,1,2,100\n", {"'1e999' is not a finite number"}},
    {"BeyondFloats",
     kHeader + "north,2024-01-01,10,1,-2e31,100\n",
     {"line 2, column 'control_a': '-2e31' is beyond 1e+30", "larger unit"}},
    {"NegativeMedia",
     kHeader + kGoodRow + "\nnorth,2024-01-08,10,-3,2,100\n",
     {"line 4, column 'media_tv': '-3' is negative media", "Expected 0 or more"}},
    {"MissingMedia",
     kHeader + "north,2024-01-01,10,,2,100\n",
     {"line 2, column 'media_tv': a missing media cell", "data.missing_media=zero"}},
    {"BlankMedia", kHeader + "north,2024-01-01,10,  ,2,100\n", {"a missing media cell"}},
    {"MissingPopulation",
     kHeader + "north,2024-01-01,10,1,2,\n",
     {"line 2, column 'population': a missing population"}},
    {"NegativePopulation",
     kHeader + "north,2024-01-01,10,1,2,-5\n",
     {"column 'population': '-5' is a negative population"}},
    {"ZeroPopulation",
     kHeader + "north,2024-01-01,10,1,2,0\nnorth,2024-01-08,10,1,2,0\n",
     {"the population of region 'north' is 0"}},
    {"EmptyFile", "", {"the file is empty"}},
    {"OnlyABlankLine", "\n", {"the file is empty"}},
    {"HeaderOnly", kHeader, {"a header without rows"}},
    {"HeaderWithoutNewline", "region,week,target,media_tv", {"a header without rows"}},
    {"OneWeek", kHeader + kGoodRow + "south,2024-01-01,1,1,1,1\n", {"column 'week': only one week ('2024-01-01')"}},
    {"UnparsableDate",
     kHeader + kGoodRow + "north,08.01.2024,10,1,2,100\n",
     {"line 3, column 'week': '08.01.2024' is neither a date nor an integer", "2024-03-25"}},
    {"ImpossibleDate", kHeader + "north,2023-02-29,10,1,2,100\n", {"'2023-02-29' is neither a date nor an integer"}},
    {"TimeOfDay", kHeader + "north,2024-01-01T09:30:00,10,1,2,100\n", {"'2024-01-01T09:30:00' is neither a date"}},
    {"IntegerAfterDates",
     kHeader + kGoodRow + "north,2,10,1,2,100\n",
     {"line 3, column 'week': '2' is an integer after dates"}},
    {"DateAfterIntegers",
     kHeader + "north,1,10,1,2,100\n" + kGoodRow,
     {"line 3, column 'week': '2024-01-01' is a date after integers"}},
    {"OverlongWeeks",
     kHeader + "north,-9223372036854775807,10,1,2,100\nnorth,9223372036854775807,10,1,2,100\n",
     {"line 2, column 'week': '-9223372036854775807' is neither a date nor an integer", "of up to 18 digits"}},
    {"EmptyWeek", kHeader + "north,,10,1,2,100\n", {"line 2, column 'week': an empty week"}},
    {"EmptyRegion",
     kHeader + kGoodRow + ",2024-01-08,10,1,2,100\n",
     {"line 3, column 'region': an empty region label"}},
    {"RegionWithoutTarget",
     kHeader + kGoodRow + "north,2024-01-08,1,1,1,1\nsouth,2024-01-01,,1,1,1\n",
     {"column 'target': region 'south' has no target in any of its rows"}},
    {"ShortLine", kHeader + kGoodRow + "north,2024-01-08,10,1,2\n", {"line 3: 5 fields, expected 6 as in the header"}},
    {"LongLine",
     kHeader + kGoodRow + "north,2024-01-08,10,1,2,100,7\n",
     {"line 3: 7 fields, expected 6 as in the header"}},
    {"LateShortLine",
     [] {
       std::string table = kHeader;
       for (int week = 0; week < 100000; ++week) table += "north," + std::to_string(week) + ",10,1,2,100\n";
       return table + "north\n";
     }(),
     {"line 100002: 1 fields, expected 6"}},
    {"LinesEndedByReturns",
     "region,week,target,media_tv\rnorth,1,10,1\r\rnorth,2,10,lots\rnorth,3,10,1\r",
     {"line 4, column 'media_tv': 'lots' is not a number"}},
    {"ShortLineAmongReturns",
     "region,week,target,media_tv\rnorth,1,10,1\rnorth,2,10\r",
     {"line 3: 3 fields, expected 4 as in the header"}},
    {"LateOpenQuote",
     [] {
       std::string table = kHeader + "\"";
       for (int week = 0; week < 100000; ++week) table += "north," + std::to_string(week) + ",10,1,2,100\n";
       return table;
     }(),
     {"line 2: a quote opens and is never closed"}},
    {"OpenQuote",
     kHeader + kGoodRow + "\"north,2024-01-08,10,1,2,100\n" + kGoodRow,
     {"line 3: a quote opens and is never closed"}},
    {"Semicolons", "region;week;target;media_tv\n1;2;3;4\n", {"line 1: fields are separated by ';', expected commas"}},
    {"SemicolonsAndDecimalCommas",
     "region;week;target;media_tv\nnorth;2024-01-01;10,5;0,25\n",
     {"line 1: fields are separated by ';', expected commas", "a decimal point"}},
    {"TabsAndCommas", "region\tweek\ttarget\tmedia_tv\nnorth\t1\t1,5\t2\n", {"line 1: fields are separated by 'tab'"}},
    {"PipesBelowABlankLine", "\r\nregion|week|target\r\na|1|1,5\r\n", {"fields are separated by '|'"}},
    {"ZeroByteInRegion",
     kHeader + kGoodRow + "R\0x,2024-01-01,10,1,2,100\n"s,
     {"line 3, column 'region': 'R\\0x' holds a zero byte", "Remove it"}},
    {"ZeroByteInWeek",
     kHeader + kGoodRow + "north,2024-01-08\0,10,1,2,100\n"s,
     {"line 3, column 'week': '2024-01-08\\0' holds a zero byte"}},
    {"ZeroByteInNumber", kHeader + "north,2024-01-01,1\0,1,2,100\n"s, {"column 'target': '1 ' is not a number"}},
    {"ZeroByteInHeader", "region,week,target,media_t\0v\n1,2,3,4\n"s, {"line 1: the name of column 4 ('media_t\\0v')"}},
    {"LateZeroByte",
     [] {
       std::string table = kHeader;
       for (int week = 0; week < 100000; ++week) table += "north," + std::to_string(week) + ",10,1,2,100\n";
       return table + "sou\0th,1,10,1,2,100\n"s;
     }(),
     {"line 100002, column 'region': 'sou\\0th' holds a zero byte"}},
    {"Latin1Region", kHeader + "M\xFCnchen,2024-01-01,10,1,2,100\n", {"line 2, column 'region'", "isn't UTF-8"}},
    {"Latin1Header", "r\xE9gion,week,target,media_tv\n1,2,3,4\n", {"line 1: a column name isn't UTF-8"}},
    {"Utf16", std::string("\xFF\xFEr\0e\0", 6), {"not a CSV text in UTF-8"}},
    {"PanelFile", "\x89HDF\r\n\x1a\n", {"an HDF5 file, such as a panel"}},
    {"Spreadsheet", "PK\x03\x04rest", {"a spreadsheet or an archive"}},
    {"IrregularWeeks",
     kHeader + kGoodRow + "north,2024-01-08,1,1,1,1\nnorth,2024-01-15,1,1,1,1\nnorth,2024-01-23,1,1,1,1\n",
     {"column 'week': '2024-01-23' comes 8 days after '2024-01-15'"}},
};

class BadInput : public testing::TestWithParam<BadTable> {};

}  // namespace

TEST_P(BadInput, IsRefusedWithAHelpfulMessage) {
  TemporaryFolder folder;
  const auto path = write_bytes(folder / "panel.csv", GetParam().content);
  const auto message = message_of(path);
  for (const auto& phrase : GetParam().phrases) EXPECT_THAT(message, HasSubstr(phrase));
  EXPECT_THAT(message, HasSubstr("panel.csv"));
  EXPECT_THAT(message, Not(HasSubstr("std::")));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  EXPECT_THAT(read_bytes(path), GetParam().content);  // the file stays as it was

  // The same through gzip, with the same line numbers.
  const auto first = GetParam().content.substr(0, 2);  // told by their first bytes, which zipped files haven't
  if (!first.empty() && first != "PK" && first != "\x89H" && first != "\xFF\xFE") {
    const auto zipped = message_of(write_gzip(folder / "panel.csv.gz", GetParam().content));
    for (const auto& phrase : GetParam().phrases) EXPECT_THAT(zipped, HasSubstr(phrase));
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, BadInput, testing::ValuesIn(kBadTables),
                         [](const auto& table) { return table.param.name; });

TEST(BadFile, MissingFileAndFolder) {
  TemporaryFolder folder;
  EXPECT_THAT(message_of(folder / "none.csv"), AllOf(HasSubstr("none.csv"), HasSubstr("missing or not readable")));
  EXPECT_THAT(message_of(folder / ""), HasSubstr("it is a folder"));
}

TEST(BadFile, WrongGzip) {
  TemporaryFolder folder;
  EXPECT_THAT(message_of(write_bytes(folder / "panel.csv.gz", kHeader + kGoodRow)),
              HasSubstr("named .gz, but not a gzip file"));
  std::string table = kHeader;
  for (int week = 0; week < 2000; ++week) table += "north," + std::to_string(week * 7919 % 10007) + ",10,1,2,100\n";
  const auto whole = read_bytes(write_gzip(folder / "whole.csv.gz", table));
  for (const size_t kept : {whole.size() / 2, whole.size() - 4, size_t{12}}) {
    EXPECT_THAT(message_of(write_bytes(folder / "cut.csv.gz", whole.substr(0, kept))),
                HasSubstr("cut.csv.gz: a damaged or truncated gzip file"))
        << kept;
  }
  auto altered = whole;
  altered[whole.size() / 2] = static_cast<char>(altered[whole.size() / 2] ^ 0x55);
  EXPECT_THAT(message_of(write_bytes(folder / "altered.csv.gz", altered)), HasSubstr("damaged or truncated gzip file"));
}

TEST(BadFile, DamagedParquet) {
  TemporaryFolder folder;
  std::vector<int64_t> week(3000);
  std::vector<double> target(3000);
  for (size_t i = 0; i < week.size(); ++i)
    week[i] = static_cast<int64_t>(i), target[i] = static_cast<double>(i * i % 977) + 0.25;
  const auto path =
      write_parquet(folder / "whole.parquet", {"region", "week", "target", "media_a"},
                    {arrow_array<arrow::Int64Builder, int64_t>(std::vector<int64_t>(3000, 1)),
                     arrow_array<arrow::Int64Builder, int64_t>(week), arrow_array<arrow::DoubleBuilder, double>(target),
                     arrow_array<arrow::DoubleBuilder, double>(target)});
  EXPECT_EQ(message_of(path), "no error");
  const auto whole = read_bytes(path);
  for (const size_t kept : {whole.size() - 1, whole.size() / 2, size_t{4}}) {
    EXPECT_THAT(message_of(write_bytes(folder / "cut.parquet", whole.substr(0, kept))),
                HasSubstr("cut.parquet: a damaged or truncated Parquet file"))
        << kept;
  }
  auto altered = whole;
  for (size_t i = whole.size() / 2; i < whole.size() / 2 + 40; ++i) altered[i] = static_cast<char>(altered[i] ^ 0x55);
  EXPECT_THAT(message_of(write_bytes(folder / "altered.parquet", altered)),
              HasSubstr("damaged or truncated Parquet file"));
  EXPECT_THAT(message_of(write_bytes(folder / "text.parquet", kHeader + kGoodRow)),
              HasSubstr("named .parquet, but not a Parquet file"));
}

TEST(BadFile, NamesTheRowAndColumnOfParquet) {
  TemporaryFolder folder;
  const auto region = arrow_array<arrow::StringBuilder, std::string>({"a", "a", "a"});
  const auto week = arrow_array<arrow::Int64Builder, int64_t>({0, 1, 2});
  const auto ones = arrow_array<arrow::DoubleBuilder, double>({1, 1, 1});
  const auto with_media = [&](const std::shared_ptr<arrow::Array>& media) {
    return message_of(
        write_parquet(folder / "panel.parquet", {"region", "week", "target", "media_a"}, {region, week, ones, media}));
  };
  EXPECT_THAT(with_media(arrow_array<arrow::DoubleBuilder, double>({1, 1, -2})),
              HasSubstr("panel.parquet, row 3, column 'media_a': '-2' is negative media"));
  EXPECT_THAT(with_media(arrow_array<arrow::DoubleBuilder, double>({1, NAN, 1})),
              HasSubstr("row 2, column 'media_a': 'nan' is not a finite number"));
  EXPECT_THAT(with_media(arrow_array<arrow::DoubleBuilder, double>({1, 1, 1}, {true, false, false})),
              HasSubstr("row 1, column 'media_a': a missing media cell"));
  EXPECT_THAT(with_media(arrow_array<arrow::StringBuilder, std::string>({"1", "1", "x"})),
              HasSubstr("row 3, column 'media_a': 'x' is not a number"));
  EXPECT_THAT(message_of(write_parquet(
                  folder / "zero.parquet", {"region", "week", "target", "media_a"},
                  {arrow_array<arrow::StringBuilder, std::string>({"a", "a", "a\0b"s}), week, ones, ones})),
              HasSubstr("zero.parquet, row 3, column 'region': 'a\\0b' holds a zero byte"));
  arrow::ListBuilder lists(arrow::default_memory_pool(), std::make_shared<arrow::Int64Builder>());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(lists.Append().ok());
  EXPECT_THAT(with_media(lists.Finish().ValueOrDie()),
              AllOf(HasSubstr("column 'media_a'"), HasSubstr("nested values")));
}

TEST(BadFile, UnknownColumnInTheConfig) {
  TemporaryFolder folder;
  ImportOptions options;
  options.source = write_bytes(folder / "panel.csv", kHeader + kGoodRow);
  options.given.media = std::vector<std::string>{"media_tw"};
  EXPECT_THAT(message_of(options),
              AllOf(HasSubstr("no column 'media_tw', which data.media names"), HasSubstr("Did you mean 'media_tv'?")));
  options.given = {};
  options.given.target = "media_tv";
  options.given.media = std::vector<std::string>{"media_tv"};
  EXPECT_THAT(message_of(options), HasSubstr("column 'media_tv' has two roles, target and media"));
}

}  // namespace dcmmm
