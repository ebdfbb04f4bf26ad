#include "data/array_file.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "common/text.hpp"
#include "tests/file_helpers.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {
namespace fs = std::filesystem;
using testing::bytes_of;
using ::testing::ElementsAre;
using testing::FileSizeLimit;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

template <class Element>
bool same_bits(const std::vector<Element>& a, const std::vector<Element>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Element)) == 0;
}

const std::vector<double> kOddDoubles = {0.0,
                                         -0.0,
                                         std::numeric_limits<double>::denorm_min(),
                                         -std::numeric_limits<double>::infinity(),
                                         std::bit_cast<double>(uint64_t{0x7ff4dead0000beef}),  // a signalling NaN
                                         std::bit_cast<double>(uint64_t{0xfff8000000000001})};

/// Dimensions with and without coordinates, all types, contiguous and chunked.
void write_sample(const fs::path& path) {
  ArrayFile file = ArrayFile::create(path);
  file.add_coordinate("region", std::vector<std::string>{"Zürich", "", "b"});
  file.add_coordinate("lag", std::vector<double>{0.5, 1.5}, "weeks");
  file.add_dimension("unit", 4);
  file.add_array("small", ElementType::kFloat64, {"region", "lag"},
                 {.units = "KPI units", .description = "a small one"});
  file.add_array("chunked", ElementType::kInt64, {"region", "unit"}, {.chunk = {2, 3}});
  file.add_array("single", ElementType::kFloat32, {});
  file.add_labels("region_column", "region", {"x", "y", "z"});
  file.add_text("note", std::string(100000, 'n'));
  file.write<double>("small", {0, 0}, {3, 2}, kOddDoubles);
  std::vector<int64_t> numbers(12);
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = std::numeric_limits<int64_t>::max() - 11 + static_cast<int64_t>(i);
  file.write<int64_t>("chunked", {0, 0}, {3, 4}, numbers);
  file.write<float>("single", {}, {}, std::vector<float>{1.25F});
  file.set_attribute("", "title", std::string("Größe"));
  file.set_attribute("", "empty", std::string());
  file.set_attribute("small", "count", int64_t{1} << 60);
  file.set_attribute("small", "factor", 0.1);
  file.close();
}

TEST(ArrayFile, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  write_sample(folder / "a.h5");
  const ArrayFile file = ArrayFile::open(folder / "a.h5");
  EXPECT_THAT(file.dimension_names(), ElementsAre("region", "lag", "unit"));
  EXPECT_EQ(file.dimension_length("unit"), 4);
  EXPECT_THAT(file.arrays(), ElementsAre("region", "lag", "small", "chunked", "single", "region_column", "note"));
  EXPECT_THAT(file.labels("region"), ElementsAre("Zürich", "", "b"));
  EXPECT_THAT(file.labels("region_column"), ElementsAre("x", "y", "z"));
  EXPECT_THAT(file.read<double>("lag"), ElementsAre(0.5, 1.5));
  EXPECT_EQ(file.text_attribute("lag", "units"), "weeks");
  EXPECT_THAT(file.shape("small"), ElementsAre(3, 2));
  EXPECT_THAT(file.dimensions("small"), ElementsAre("region", "lag"));
  EXPECT_THAT(file.dimensions("lag"), ElementsAre("lag"));
  EXPECT_EQ(file.element_type("chunked"), ElementType::kInt64);
  EXPECT_EQ(file.element_type("region"), ElementType::kText);
  EXPECT_TRUE(same_bits(file.read<double>("small"), kOddDoubles));
  EXPECT_EQ(file.read<int64_t>("chunked").back(), std::numeric_limits<int64_t>::max());
  EXPECT_THAT(file.read<float>("single"), ElementsAre(1.25F));
  EXPECT_EQ(file.read_text("note"), std::string(100000, 'n'));
  EXPECT_EQ(file.text_attribute("", "title"), "Größe");
  EXPECT_EQ(file.text_attribute("", "empty"), "");
  EXPECT_EQ(file.integer_attribute("small", "count"), int64_t{1} << 60);
  EXPECT_EQ(file.real_attribute("small", "factor"), 0.1);
  EXPECT_EQ(
      file.attributes("small"),
      (std::map<std::string, std::string>{
          {"count", "1152921504606846976"}, {"factor", "0.1"}, {"long_name", "a small one"}, {"units", "KPI units"}}));
}

TEST(ArrayFile, TwoWritesHoldTheSameBytes) {
  const TemporaryFolder folder;
  write_sample(folder / "a.h5");
  ::sleep(1);  // a time stamp would differ
  write_sample(folder / "b.h5");
  EXPECT_TRUE(bytes_of(folder / "a.h5") == bytes_of(folder / "b.h5"));
}

TEST(ArrayFile, ReadsAndWritesBoxes) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.h5";
  constexpr int64_t kRows = 7, kColumns = 5;
  ArrayFile file = ArrayFile::create(path);
  file.add_dimension("row", kRows);
  file.add_dimension("column", kColumns);
  file.add_array("a", ElementType::kFloat64, {"row", "column"}, {.chunk = {3, 2}});
  for (int64_t row = 0; row < kRows; ++row) {
    for (int64_t column = 0; column < kColumns; ++column) {
      file.write<double>("a", {row, column}, {1, 1}, std::vector<double>{static_cast<double>(10 * row + column)});
    }
  }
  file.write<double>("a", {kRows, 0}, {0, kColumns}, {});  // an empty box may stand at the end
  file.close();
  const ArrayFile reader = ArrayFile::open(path);
  EXPECT_THAT(reader.read<double>("a", {2, 1}, {2, 3}), ElementsAre(21, 22, 23, 31, 32, 33));
  EXPECT_THAT(reader.read<float>("a", {6, 4}, {1, 1}), ElementsAre(64.0F));
  EXPECT_THAT(reader.read<double>("a", {7, 0}, {0, 5}), ElementsAre());
  EXPECT_THROW(reader.read<double>("a", {6, 0}, {2, 1}), UserError);
  EXPECT_THROW(reader.read<double>("a", {0, 0}, {std::numeric_limits<int64_t>::max(), 1}), UserError);
  EXPECT_THROW(reader.read<double>("a", {-1, 0}, {1, 1}), UserError);
  EXPECT_THROW(reader.read<double>("a", {0}, {1}), UserError);
}

TEST(ArrayFile, KeepsDimensionsOfLengthZero) {
  const TemporaryFolder folder;
  ArrayFile file = ArrayFile::create(folder / "a.h5");
  file.add_coordinate("control", std::vector<std::string>{});
  file.add_dimension("week", 3);
  file.add_array("a", ElementType::kFloat64, {"week", "control"}, {.chunk = {3, 1}});
  file.write<double>("a", {0, 0}, {3, 0}, {});
  file.close();
  const ArrayFile reader = ArrayFile::open(folder / "a.h5");
  EXPECT_THAT(reader.shape("a"), ElementsAre(3, 0));
  EXPECT_THAT(reader.labels("control"), ElementsAre());
  EXPECT_THAT(reader.read<double>("a"), ElementsAre());
}

TEST(ArrayFile, RefusesMisuse) {
  const TemporaryFolder folder;
  ArrayFile file = ArrayFile::create(folder / "a.h5");
  file.add_dimension("week", 3);
  file.add_array("a", ElementType::kFloat64, {"week"});
  EXPECT_THROW(file.add_dimension("week", 3), UserError);
  EXPECT_THROW(file.add_array("a", ElementType::kFloat64, {"week"}), UserError);
  EXPECT_THROW(file.add_array("b", ElementType::kFloat64, {"month"}), UserError);
  EXPECT_THROW(file.add_array("b/c", ElementType::kFloat64, {"week"}), UserError);
  EXPECT_THROW(file.add_labels("b", "week", {"too few"}), UserError);
  EXPECT_THROW(file.add_text("b", std::string("a\0b", 3)), UserError);
  EXPECT_THROW(file.write<double>("a", {0}, {3}, std::vector<double>{1, 2}), UserError);
}

TEST(ArrayFile, SaysWhyAPathCantBeUsed) {
  const TemporaryFolder folder;
  write_text_file(folder / "plain", "not HDF5\n");
  EXPECT_THAT(message_of<UserError>([&] { ArrayFile::open(folder / "none.h5"); }),
              AllOf(HasSubstr("none.h5"), HasSubstr("No such file or directory")));
  EXPECT_THAT(message_of<UserError>([&] { ArrayFile::open(folder.path()); }), HasSubstr("Is a directory"));
  EXPECT_THAT(message_of<DamagedFileError>([&] { ArrayFile::open(folder / "plain"); }), HasSubstr("plain"));
  EXPECT_THAT(message_of<UserError>([&] { ArrayFile::create(folder / "no_folder/a.h5"); }),
              AllOf(HasSubstr("no_folder/a.h5"), HasSubstr("No such file or directory")));
  EXPECT_THAT(message_of<UserError>([&] { ArrayFile::create(folder / "plain/a.h5"); }), HasSubstr("Not a directory"));
}

TEST(ArrayFile, NamesWhatIsMissing) {
  const TemporaryFolder folder;
  write_sample(folder / "a.h5");
  const ArrayFile file = ArrayFile::open(folder / "a.h5");
  EXPECT_THAT(message_of<DamagedFileError>([&] { file.read<double>("gone"); }), HasSubstr("'gone'"));
  EXPECT_THAT(message_of<DamagedFileError>([&] { file.text_attribute("small", "gone"); }), HasSubstr("'gone'"));
  EXPECT_THAT(message_of<DamagedFileError>([&] { file.labels("small"); }), HasSubstr("'small'"));
  EXPECT_THROW(file.dimension_length("gone"), DamagedFileError);
}

TEST(ArrayFile, FullDiskIsAnErrorWhereverItHappens) {
  const TemporaryFolder folder;
  write_sample(folder / "whole.h5");
  const auto whole = fs::file_size(folder / "whole.h5");
  for (rlim_t limit = 0; limit < whole; limit += 3001) {
    const FileSizeLimit full(limit);
    EXPECT_THAT(message_of<UserError>([&] { write_sample(folder / "a.h5"); }),
                AllOf(HasSubstr("a.h5"), HasSubstr("File too large")))
        << limit;
  }
}

// Attributes fill HDF5's cache until one of them must be written.
TEST(ArrayFile, FullDiskIsNamedAtAnAttribute) {
  const TemporaryFolder folder;
  ArrayFile file = ArrayFile::create(folder / "a.h5");
  const FileSizeLimit full(20'000);
  const std::string message = message_of<UserError>([&] {
    for (int64_t i = 0; i < 2000; ++i) file.set_attribute("", text("key ", i), std::string(4000, 'x'));
  });
  EXPECT_THAT(message, AllOf(HasSubstr("a.h5"), HasSubstr("File too large")));
}

TEST(ArrayFile, ReadsChunksLargerThanItsCacheInParts) {
  const TemporaryFolder folder;
  constexpr int64_t kRows = 1000, kColumns = 700;  // 5.3 MiB in two chunks
  std::vector<double> numbers(kRows * kColumns);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<double>(i);
  ArrayFile file = ArrayFile::create_sealed(folder / "a.h5");
  file.add_dimension("row", kRows);
  file.add_dimension("column", kColumns);
  file.add_array("a", ElementType::kFloat64, {"row", "column"}, {.chunk = {600, kColumns}, .compress = false});
  file.write<double>("a", {0, 0}, {kRows, kColumns}, numbers);
  file.close();
  const ArrayFile reader = ArrayFile::open(folder / "a.h5");
  for (int64_t row = 0; row < kRows; row += 40) {
    const auto box = reader.read<double>("a", {row, 0}, {40, kColumns});
    EXPECT_TRUE(std::equal(box.begin(), box.end(), numbers.begin() + row * kColumns)) << row;
  }
}

TEST(ArrayFile, TruncationIsFound) {
  const TemporaryFolder folder;
  write_sample(folder / "a.h5");
  for (uintmax_t length = fs::file_size(folder / "a.h5"); length > 0;) {
    length -= std::min<uintmax_t>(length, length > 2000 ? 997 : 1);
    fs::resize_file(folder / "a.h5", length);
    EXPECT_THROW(ArrayFile::open(folder / "a.h5"), DamagedFileError) << length;
  }
}

TEST(ArrayFile, AnInflatedShapeIsRefusedBeforeAllocation) {
  const TemporaryFolder folder;
  // A chunked array without data may claim any shape: only the size of the file tells that it can't be true.
  ArrayFile file = ArrayFile::create(folder / "a.h5");
  file.add_dimension("row", 3000);
  file.add_dimension("column", 3000);
  file.add_dimension("depth", 3000);
  file.add_array("a", ElementType::kFloat64, {"row", "column", "depth"}, {.chunk = {1, 100, 100}});
  file.close();
  const ArrayFile reader = ArrayFile::open(folder / "a.h5");
  EXPECT_THAT(message_of<DamagedFileError>([&] { reader.read<double>("a"); }), HasSubstr("claims to hold"));
}

}  // namespace
}  // namespace dcmmm
