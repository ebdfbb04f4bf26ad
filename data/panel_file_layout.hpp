// What the writer and the reader of panel files agree on.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "common/sha256.hpp"
#include "data/panel.hpp"

namespace dcmmm {

inline constexpr const char* kPanelFileKind = "dcmmm panel";
// In the order of TimeStep.
inline constexpr std::array<const char*, 3> kTimeStepNames = {"day", "week", "month"};

/// Regions in a chunk of the arrays by region, the widest of which takes `region_bytes` (1 or more) for each.
int64_t regions_per_chunk(int64_t regions, int64_t region_bytes);

/// Adds the names that are part of a panel's content.
void add_coordinates(Sha256& digest, const PanelCoordinates& coordinates);

/// Guards everything that is read at opening; the arrays are guarded by their chunks' own checksums.
std::string header_digest(const PanelCoordinates& coordinates, const std::string& checksum);

}  // namespace dcmmm
