// How far a channel's frequency saturates. Shapes: cells are regions x weeks, K controls.
#pragma once

#include <cstddef>

#include "analysis/results.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// The curve of the channel's frequency in a cell of the panel (region * weeks + week), in [0, 1], by which its reach
/// is multiplied; 1 for a channel without a frequency.
double frequency_response(const SharedResults& shared, const Panel& panel, std::size_t cell, std::size_t channel);

}  // namespace dcmmm
