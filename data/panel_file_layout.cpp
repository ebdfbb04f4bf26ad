#include "data/panel_file_layout.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace dcmmm {
namespace {

/// A text and its length, so that ("ab", "c") and ("a", "bc") differ.
void add_text(Sha256& digest, const std::string& value) { digest.add(text(value.size(), ":", value)); }

void add_texts(Sha256& digest, const std::vector<std::string>& values) {
  digest.add(text(values.size(), ";"));
  for (const auto& value : values) add_text(digest, value);
}

}  // namespace

int64_t regions_per_chunk(int64_t regions, int64_t region_bytes) {
  // Large enough that a chunk's bookkeeping doesn't count, small enough for a rank's share of regions.
  constexpr int64_t kChunkBytes = 512 << 10;
  // Sealing a file looks for each chunk from the beginning of the index.
  constexpr int64_t kMostChunks = 4096;
  const int64_t wanted = std::max(kChunkBytes / region_bytes, (regions + kMostChunks - 1) / kMostChunks);
  return std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, regions));
}

void add_coordinates(Sha256& digest, const PanelCoordinates& coordinates) {
  for (const auto* names : {&coordinates.regions, &coordinates.weeks, &coordinates.channels, &coordinates.controls,
                            &coordinates.channel_columns, &coordinates.control_columns}) {
    add_texts(digest, *names);
  }
  add_texts(digest,
            {coordinates.region_column, coordinates.time_column, coordinates.target_column,
             kTimeStepNames[static_cast<size_t>(coordinates.step)], coordinates.has_spend ? "spend" : "no spend"});
}

std::string header_digest(const PanelCoordinates& coordinates, const std::string& checksum) {
  Sha256 digest;
  add_coordinates(digest, coordinates);
  add_texts(digest, {coordinates.source, coordinates.source_sha256, checksum});
  return digest.hexadecimal();
}

}  // namespace dcmmm
