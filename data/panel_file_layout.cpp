#include "data/panel_file_layout.hpp"

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
