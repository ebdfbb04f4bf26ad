#include "analysis/table_source.hpp"

#include <numeric>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

std::vector<std::string> csv_fields(const std::vector<std::string>& names, const std::string& prefix = "") {
  std::vector<std::string> fields;
  fields.reserve(names.size());
  for (const auto& name : names) fields.push_back(csv_field(prefix + name));
  return fields;
}

}  // namespace

TableSource::TableSource(const std::filesystem::path& results, const PanelFile& panel_file, int64_t block_regions)
    : reader(results), panel(panel_file), shared(reader.shared()) {
  if (panel.checksum() != shared.panel_checksum) {
    throw UserError(text("The panel isn't the one that '", results.string(), "' was fitted to: its checksum is ",
                         panel.checksum(), ", expected ", shared.panel_checksum,
                         ". Give the run's own panel file, or train again on this one."));
  }
  const auto& names = reader.coordinates();
  regions = csv_fields(names.regions);
  weeks = csv_fields(names.weeks);
  channels = csv_fields(names.channels);
  media = csv_fields(names.channels, "media:");
  for (const auto& name : names.controls) controls.push_back(csv_field(is_event(name) ? name : text("control:", name)));
  components = {"baseline", "trend", "seasonality"};
  components.insert(components.end(), controls.begin(), controls.end());
  components.insert(components.end(), media.begin(), media.end());
  constexpr std::size_t kBlockBytes = 64 << 20;
  const std::size_t region_bytes = 8 * weeks.size() * (8 + 4 * channels.size() + 2 * controls.size());
  block = block_regions > 0
              ? block_regions
              : static_cast<int64_t>(std::max<std::size_t>(1, kBlockBytes / std::max<std::size_t>(1, region_bytes)));
  chosen.resize(regions.size());
  std::iota(chosen.begin(), chosen.end(), 0);
}

std::size_t TableSource::begin_row(CsvWriter& csv, int64_t first_region, std::size_t cell) const {
  const std::size_t week = cell % weeks.size();
  csv.raw(regions[static_cast<std::size_t>(first_region) + cell / weeks.size()]);
  csv.raw(weeks[week]);
  return week;
}

}  // namespace dcmmm
