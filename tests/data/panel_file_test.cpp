#include "data/panel_file.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "data/array_file.hpp"
#include "data/file_seal.hpp"
#include "data/inspect.hpp"
#include "tests/file_helpers.hpp"
#include "tests/small_panel.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {
namespace fs = std::filesystem;
using testing::bytes_of;
using testing::FileSizeLimit;
using testing::flip_bit;
using ::testing::HasSubstr;
using testing::message_of;
using testing::part_of;
using testing::small_panel;
using testing::TemporaryFolder;

bool same_names(const PanelCoordinates& a, const PanelCoordinates& b) {
  return a.regions == b.regions && a.weeks == b.weeks && a.channels == b.channels && a.controls == b.controls &&
         a.channel_columns == b.channel_columns && a.control_columns == b.control_columns &&
         a.region_column == b.region_column && a.time_column == b.time_column && a.target_column == b.target_column &&
         a.step == b.step && a.has_spend == b.has_spend && a.source == b.source && a.source_sha256 == b.source_sha256;
}

bool same_values(const Panel& a, const Panel& b) {
  return a.first_region == b.first_region && a.regions == b.regions && a.target_RT == b.target_RT &&
         a.observed_RT == b.observed_RT && a.media_RTC == b.media_RTC && a.controls_RTK == b.controls_RTK &&
         a.population_R == b.population_R && a.spend_RTC == b.spend_RTC;
}

void write_in_blocks(const fs::path& path, const Panel& panel, int64_t block) {
  PanelWriter writer(path, panel.coordinates);
  for (int64_t first = 0; first < panel.regions; first += block) {
    writer.append(part_of(panel, first, std::min(block, panel.regions - first)));
  }
  writer.finish();
}

TEST(PanelFile, ReadsInBlocksWhatIsTooLargeToBeHeld) {
  const TemporaryFolder folder;
  const Panel panel = small_panel(90, 20, 3, 2);
  write_panel_file(folder / "p.h5", panel);
  const Panel held = part_of(panel, 20, 60), thin = PanelFile::read_in_blocks(folder / "p.h5", 20, 60);
  EXPECT_TRUE(thin.media_RTC.empty() && thin.controls_RTK.empty() && thin.spend_RTC.empty());
  EXPECT_EQ(thin.target_RT, held.target_RT);
  EXPECT_EQ(thin.observed_RT, held.observed_RT);
  EXPECT_EQ(thin.population_R, held.population_R);
  EXPECT_TRUE(same_values(slice_regions(thin, 7, 30), slice_regions(held, 7, 30)));
  EXPECT_TRUE(same_names(slice_regions(thin, 7, 30).coordinates, panel.coordinates));
  const RegionBlock read(thin, 10, 25), seen(held, 10, 25);
  for (int64_t r = 10; r < 35; ++r) {
    EXPECT_TRUE(std::equal(read.media_TC(r), read.media_TC(r) + 60, seen.media_TC(r))) << r;
    EXPECT_TRUE(std::equal(read.controls_TK(r), read.controls_TK(r) + 40, seen.controls_TK(r))) << r;
    EXPECT_TRUE(std::equal(read.spend_TC(r), read.spend_TC(r) + 60, seen.spend_TC(r))) << r;
  }
}

TEST(PanelFile, SlicesWeeksOfWhatIsReadInBlocks) {
  const TemporaryFolder folder;
  const Panel panel = small_panel(300, 20, 3, 2);
  write_panel_file(folder / "p.h5", panel);
  const Panel held = slice_weeks(panel, 4, 11);
  const Panel thin = slice_weeks(PanelFile::read_in_blocks(folder / "p.h5", 0, 300), 4, 11);
  EXPECT_TRUE(thin.media_RTC.empty());
  EXPECT_EQ(thin.target_RT, held.target_RT);
  EXPECT_TRUE(same_values(slice_regions(thin, 7, 30), slice_regions(held, 7, 30)));
  write_panel_file(folder / "held.h5", held);
  write_panel_file(folder / "thin.h5", thin);
  EXPECT_EQ(PanelFile(folder / "thin.h5").checksum(), PanelFile(folder / "held.h5").checksum());
  // Of some weeks of these weeks, too.
  EXPECT_TRUE(
      same_values(slice_regions(slice_weeks(thin, 2, 5), 7, 30), slice_regions(slice_weeks(held, 2, 5), 7, 30)));
}

// Two imports into one file: the second would write into the first one's temporary.
TEST(PanelFile, RefusesASecondWriterOfTheSameFile) {
  const TemporaryFolder folder;
  const Panel panel = small_panel(4, 3, 2, 1);
  {
    PanelWriter first(folder / "p.h5", panel.coordinates);
    EXPECT_THAT(message_of<UserError>([&] { write_panel_file(folder / "p.h5", panel); }),
                HasSubstr("another process is writing it"));
    first.append(panel);
    first.finish();
  }
  EXPECT_TRUE(same_values(PanelFile(folder / "p.h5").read(0, 4), panel));
  write_panel_file(folder / "p.h5", panel);
}

TEST(PanelFile, GivesBackThePanelAndItsParts) {
  const TemporaryFolder folder;
  const Panel panel = small_panel(200, 109, 13, 7);  // 46 regions a chunk
  write_panel_file(folder / "p.h5", panel);
  const PanelFile file(folder / "p.h5");
  EXPECT_TRUE(same_names(file.coordinates(), panel.coordinates));
  EXPECT_TRUE(same_values(file.read(0, 200), panel));
  for (const auto& [first, count] : {std::pair{0, 1}, {45, 2}, {46, 46}, {30, 100}, {199, 1}, {200, 0}}) {
    EXPECT_TRUE(same_values(file.read(first, count), part_of(panel, first, count))) << first;
  }
  for (int64_t r = 0; r < 200; ++r) {
    const auto* week = panel.observed_RT.data() + r * 109;
    EXPECT_EQ(file.observed_cells()[static_cast<size_t>(r)], std::count(week, week + 109, uint8_t{1}));
  }
  EXPECT_THROW(file.read(199, 2), UserError);
  EXPECT_THROW(file.read(-1, 1), UserError);
}

TEST(PanelFile, TakesPanelsWithoutControlsOrSpend) {
  const TemporaryFolder folder;
  Panel panel = small_panel(3, 4, 2, 0, false);
  panel.coordinates.step = TimeStep::kMonth;
  write_panel_file(folder / "p.h5", panel);
  const PanelFile file(folder / "p.h5");
  EXPECT_TRUE(same_names(file.coordinates(), panel.coordinates));
  EXPECT_TRUE(same_values(file.read(0, 3), panel));
}

TEST(PanelFile, BlocksOfTheWriterMakeNoDifference) {
  const TemporaryFolder folder;
  const Panel panel = small_panel(120, 109, 13, 7);
  write_panel_file(folder / "whole.h5", panel);
  for (const int64_t block : {1, 7, 46, 47, 119}) {
    write_in_blocks(folder / "blocks.h5", panel, block);
    EXPECT_TRUE(bytes_of(folder / "blocks.h5") == bytes_of(folder / "whole.h5")) << block;
  }
}

TEST(PanelFile, ChecksumIdentifiesTheContent) {
  const TemporaryFolder folder;
  const Panel panel = small_panel(5, 6, 2, 1);
  const auto checksum = [&](const std::function<void(Panel&)>& change) {
    Panel changed = panel;
    change(changed);
    write_panel_file(folder / "p.h5", changed);
    return PanelFile(folder / "p.h5").checksum();
  };
  const std::string same = checksum([](Panel&) {});
  EXPECT_EQ(same.size(), 64U);
  EXPECT_EQ(checksum([](Panel& p) { p.coordinates.source = "copy.csv"; }),
            same);  // where it came from is not what it is
  EXPECT_NE(checksum([](Panel& p) { p.target_RT[3] += 1e-9; }), same);
  EXPECT_NE(checksum([](Panel& p) { p.observed_RT[29] ^= 1; }), same);
  EXPECT_NE(checksum([](Panel& p) { p.media_RTC[0] += 1; }), same);
  EXPECT_NE(checksum([](Panel& p) { p.controls_RTK[0] += 1; }), same);
  EXPECT_NE(checksum([](Panel& p) { p.population_R[4] += 1; }), same);
  EXPECT_NE(checksum([](Panel& p) { p.spend_RTC[0] += 1; }), same);
  EXPECT_NE(checksum([](Panel& p) { std::swap(p.coordinates.regions[0], p.coordinates.regions[1]); }), same);
  EXPECT_NE(checksum([](Panel& p) { p.coordinates.step = TimeStep::kDay; }), same);
}

TEST(PanelFile, WriterRefusesWrongBlocks) {
  const TemporaryFolder folder;
  const Panel panel = small_panel(4, 3, 2, 1);
  PanelWriter writer(folder / "p.h5", panel.coordinates);
  EXPECT_THROW(writer.append(part_of(panel, 1, 1)), UserError);
  Panel torn = part_of(panel, 0, 1);
  torn.media_RTC.pop_back();
  EXPECT_THROW(writer.append(torn), UserError);
  writer.append(part_of(panel, 0, 3));
  Panel many = panel;
  many.first_region = 3;
  EXPECT_THROW(writer.append(many), UserError);
  EXPECT_THAT(message_of<UserError>([&] { writer.finish(); }), HasSubstr("3 of its 4 regions"));
}

TEST(PanelFile, AnUnfinishedWriteLeavesTheEarlierFile) {
  const TemporaryFolder folder;
  const Panel panel = small_panel(4, 3, 2, 1);
  write_panel_file(folder / "p.h5", panel);
  const std::string before = bytes_of(folder / "p.h5");
  { PanelWriter writer(folder / "p.h5", panel.coordinates); }
  const Panel large = small_panel(60, 109, 13, 7);
  for (const rlim_t limit : {0, 4096, 20000, 1000000}) {
    const FileSizeLimit full(limit);
    EXPECT_THAT(message_of<UserError>([&] { write_panel_file(folder / "p.h5", large); }), HasSubstr("File too large"));
  }
  EXPECT_TRUE(bytes_of(folder / "p.h5") == before);
  EXPECT_FALSE(fs::exists(folder / "p.h5.tmp"));
  EXPECT_THAT(message_of<UserError>([&] { write_panel_file(folder / "p.h5/q.h5", panel); }),
              HasSubstr("Not a directory"));
}

// Every length, the whole seal and what is shorter than it included: refused by the seal, before HDF5 sees the file.
TEST(PanelFile, TruncationIsFound) {
  const TemporaryFolder folder;
  write_panel_file(folder / "p.h5", small_panel(20, 30, 3, 2));
  int tried = 0;
  for (uintmax_t length = fs::file_size(folder / "p.h5"); length > 0; ++tried) {
    length -= std::min<uintmax_t>(length, 67);
    fs::resize_file(folder / "p.h5", length);
    const std::string message = message_of<DamagedFileError>([&] { PanelFile file(folder / "p.h5"); });
    if (length >= kSealBytes) {
      EXPECT_THAT(message, HasSubstr("bytes instead of the")) << length;
    }
  }
  EXPECT_GT(tried, 500);
  std::ofstream(folder / "p.h5", std::ios::app) << "more";
  EXPECT_THROW(PanelFile(folder / "p.h5"), DamagedFileError);
}

// Over 1000 positions, so that everything is hit: seal, superblock, headers, texts, indices of chunks, chunks and their
// checksums. A rank that reads only its own regions isn't stopped by what happened to others.
TEST(PanelFile, EveryFlippedByteIsRefusedByWhoReadsIt) {
  const TemporaryFolder folder;
  const Panel panel = small_panel(100, 109, 13, 7);  // 46 regions a chunk
  const fs::path path = folder / "p.h5";
  write_panel_file(path, panel);
  const std::string whole = bytes_of(path);
  int at_opening = 0, at_reading = 0, elsewhere = 0;
  const auto try_byte = [&](size_t i) {
    flip_bit(path, i, static_cast<int>(i % 8));
    try {
      const PanelFile file(path);
      EXPECT_THROW(file.read(0, 100), DamagedFileError) << i;
      ++at_reading;
      try {
        EXPECT_TRUE(same_values(file.read(0, 46), part_of(panel, 0, 46))) << i;
        ++elsewhere;
      } catch (const DamagedFileError&) {
      }
    } catch (const DamagedFileError&) {
      ++at_opening;
    }
    flip_bit(path, i, static_cast<int>(i % 8));
  };
  for (size_t i = 0; i < kSealBytes; i += 13) try_byte(i);
  for (size_t i = kSealBytes; i < whole.size(); i += 2003) try_byte(i);
  EXPECT_TRUE(bytes_of(path) == whole);
  EXPECT_GT(at_opening, 320);
  EXPECT_GT(at_reading, 500);
  EXPECT_GT(elsewhere, 200);
}

TEST(PanelFile, EveryFlippedByteOfASmallFileIsRefused) {
  const TemporaryFolder folder;
  const fs::path path = folder / "p.h5";
  write_panel_file(path, small_panel(6, 10, 2, 1));
  const size_t size = fs::file_size(path);
  for (size_t i = 0; i < size; i += 7) {
    flip_bit(path, i, static_cast<int>(i % 8));
    EXPECT_THROW(PanelFile(path).read(0, 6), DamagedFileError) << i;
    flip_bit(path, i, static_cast<int>(i % 8));
  }
  EXPECT_NO_THROW(PanelFile(path).read(0, 6));
}

// Written before files had a seal.
const fs::path kVersionOne = fs::path(DCMMM_SOURCE_DIR) / "tests/data/panel_version_1.h5";

TEST(PanelFile, ReadsVersionOne) {
  const TemporaryFolder folder;
  const PanelFile file(kVersionOne);
  const Panel panel = file.read(0, 3);
  EXPECT_EQ(panel.coordinates.channels.size(), 2U);
  write_panel_file(folder / "p.h5", panel);
  EXPECT_EQ(PanelFile(folder / "p.h5").checksum(), file.checksum());
  EXPECT_TRUE(same_values(PanelFile(folder / "p.h5").read(0, 3), panel));
}

TEST(PanelFile, FlippedBytesOfVersionOneNeverGiveWrongNumbers) {
  const TemporaryFolder folder;
  const fs::path path = folder / "p.h5";
  fs::copy_file(kVersionOne, path);
  const Panel panel = PanelFile(path).read(0, 3);
  int refused = 0, tried = 0;
  for (size_t i = 0; i < fs::file_size(path); i += 11, ++tried) {
    flip_bit(path, i, static_cast<int>(i % 8));
    try {
      const PanelFile file(path);
      EXPECT_TRUE(same_names(file.coordinates(), panel.coordinates)) << i;
      EXPECT_TRUE(same_values(file.read(0, 3), panel)) << i;
    } catch (const DamagedFileError&) {
      ++refused;
    }
    flip_bit(path, i, static_cast<int>(i % 8));
  }
  EXPECT_GT(tried, 1000);
  EXPECT_GT(refused, 200);
}

/// A panel file with everything but what `change` leaves out or makes wrong.
void write_with(const fs::path& path, const std::string& kind, int64_t version) {
  ArrayFile file = ArrayFile::create(path);
  if (!kind.empty()) file.set_attribute("", "file_kind", kind);
  file.set_attribute("", "format_version", version);
  file.add_coordinate("region", std::vector<std::string>{"a"});
  file.close();
}

TEST(PanelFile, SaysWhatIsWrongWithAFile) {
  const TemporaryFolder folder;
  const fs::path path = folder / "p.h5";
  const auto open = [&] { PanelFile file(path); };
  write_with(path, "dcmmm panel", 7);
  EXPECT_THAT(message_of<UserError>(open),
              AllOf(HasSubstr("version 7"), HasSubstr("versions 1 and 2"), HasSubstr("Import")));
  write_with(path, "dcmmm checkpoint", 1);
  EXPECT_THAT(message_of<UserError>(open), HasSubstr("dcmmm checkpoint"));
  write_with(path, "", 1);
  EXPECT_THAT(message_of<DamagedFileError>(open), HasSubstr("not a file of dcmmm"));
  write_with(path, "dcmmm panel", 1);
  EXPECT_THAT(message_of<DamagedFileError>(open), HasSubstr("'week'"));
  write_with(path, "dcmmm panel", 2);  // what is left of a file whose seal is no more recognised
  EXPECT_THAT(message_of<DamagedFileError>(open), AllOf(HasSubstr("seal"), HasSubstr("Import its data again")));
  write_text_file(path, "region,week\n");
  EXPECT_THAT(message_of<DamagedFileError>(open), HasSubstr("p.h5"));
}

TEST(DescribeFile, TellsOtherFilesFromDamagedOnes) {
  const TemporaryFolder folder;
  const fs::path path = folder / "p.h5";
  const auto describe = [&] { describe_file(path); };
  for (const std::string& content :
       {std::string("region,week\n"), std::string("{}\n"), std::string(100'000, 'x'), std::string(5000, '\0')}) {
    write_text_file(path, content);
    EXPECT_THAT(message_of<UserError>(describe), AllOf(HasSubstr("p.h5' isn't an HDF5 file"), HasSubstr("checkpoint")));
  }
  // Of HDF5, with a seal or without, any beginning is what was left by a cut.
  write_panel_file(path, small_panel(30, 4, 2, 1));
  const std::string sealed = bytes_of(path), plain = sealed.substr(kSealBytes);
  for (const std::string& whole : {sealed, plain})
    for (const size_t kept : {size_t{0}, size_t{3}, size_t{8}, size_t{20}, size_t{4000}, whole.size() - 1}) {
      write_text_file(path, whole.substr(0, kept));
      EXPECT_THAT(message_of<DamagedFileError>(describe), HasSubstr("p.h5")) << kept;
    }
  write_text_file(path, "x" + sealed.substr(1));  // the seal isn't one, but HDF5 is behind it
  EXPECT_THAT(describe_file(path), HasSubstr("region 30"));
  EXPECT_THAT(message_of<UserError>([&] { describe_file(folder / "none.h5"); }), HasSubstr("No such file"));
  EXPECT_THAT(message_of<UserError>([&] { describe_file(folder.path()); }), HasSubstr("Is a directory"));
}

TEST(DescribeFile, ListsWhatAPanelHolds) {
  const TemporaryFolder folder;
  write_panel_file(folder / "p.h5", small_panel(30, 4, 2, 1));
  const std::string description = describe_file(folder / "p.h5");
  for (const char* line : {"\n  region 30\n", "\n  region: Region 0, Region 1, Region 2, ..., Region 29\n",
                           "\n  week: 0, 1, 2, 3\n", "\n  channel_column (channel): media_0, media_1\n",
                           "\n  media (region, week, channel) 30 x 4 x 2 float64 [media units]: media activity; 0 "
                           "where the row is missing\n",
                           "\n  format_version: 2\n", "\n  time_step: week\n", "\n  source: table.csv\n"}) {
    EXPECT_THAT(description, HasSubstr(line));
  }
  EXPECT_THAT(description, HasSubstr("\n  checksum: " + PanelFile(folder / "p.h5").checksum() + "\n"));
}

}  // namespace
}  // namespace dcmmm
