// The ranks as a grid: rows train different ensemble members, columns hold different regions.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>

#include "comm/communicator.hpp"

namespace dcmmm {

/// members x regions ranks. World rank = row * regions + column, so that the ranks of one row, which reduce gradients
/// every step, are neighbours. 1 x 1 is a laptop, 1 x N a data-parallel fit, M x 1 a farm of fits.
struct Mesh {
  int members = 1;  // rows
  int regions = 1;  // columns
  int row = 0;      // this rank's place
  int column = 0;
  std::unique_ptr<Communicator> region_axis;  // the ranks of this row: one model, its regions spread over them
  std::unique_ptr<Communicator> member_axis;  // the ranks of this column: the same regions, other members
};

/// Collective. 0 stands for "the rest of the ranks" (both 0: all of them along the regions). Throws UserError on every
/// rank when members x regions isn't the number of ranks; the message lists what fits, with at most `most_members`
/// rows.
Mesh make_mesh(Communicator& world, int members, int regions,
               int64_t most_members = std::numeric_limits<int64_t>::max());

}  // namespace dcmmm
