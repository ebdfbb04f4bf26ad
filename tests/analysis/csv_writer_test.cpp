#include "analysis/csv_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "tests/analysis/small_run.hpp"

namespace dcmmm {
namespace {

TEST(CsvWriter, WritesRowsWithShortestNumbers) {
  const TestFolder folder;
  CsvWriter csv(folder / "a.csv", "a.csv");
  for (double value :
       {.1, 100000., 142717.25, -0., 1e-7, 1e20, std::nan(""), -std::numeric_limits<double>::infinity()}) {
    csv.number(value);
  }
  csv.end_row();
  csv.empty(2);
  csv.text("a,b");
  csv.end_row();
  csv.finish();
  EXPECT_EQ(read_text_file(folder / "a.csv"), "0.1,100000,142717.25,0,1e-07,1e+20,,\n,,\"a,b\"\n");
}

TEST(CsvWriter, NumbersReadBackAsTheSameDouble) {
  const TestFolder folder;
  RandomStream random(1, 0);
  std::vector<double> values;
  CsvWriter csv(folder / "a.csv", "a.csv");
  for (int i = 0; i < 2000; ++i) {
    values.push_back(random.normal() * std::pow(10, random.uniform(-12, 20)));
    csv.number(values.back());
    csv.end_row();
  }
  csv.finish();
  std::istringstream lines(read_text_file(folder / "a.csv"));
  std::string line;
  for (double value : values) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_EQ(std::stod(line), value);
  }
}

TEST(CsvWriter, SaysWhyAFileCannotBeWritten) {
  const TestFolder folder;
  try {
    CsvWriter(folder / "missing/a.csv", "a.csv");
    FAIL() << "expected an error";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("Can't write 'a.csv': No such file or directory"));
  }
  CsvWriter full("/dev/full", "full.csv");
  full.text("x");
  full.end_row();
  EXPECT_THROW(full.finish(), UserError);
}

}  // namespace
}  // namespace dcmmm
