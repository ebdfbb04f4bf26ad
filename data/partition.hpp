// Which regions each rank holds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dcmmm {

/// Splits regions into `parts` runs of neighbours of about the same work, a region's work being its observed cells plus
/// one. Returns parts + 1 offsets: part p holds the regions [offsets[p], offsets[p + 1]), which may be none. No part
/// holds more than a fair share plus one largest region. The same on every rank. REQUIRES: parts >= 1.
std::vector<int64_t> balanced_partition(std::span<const int64_t> observed_cells, int parts);

}  // namespace dcmmm
