// What turns media and the target into money.
#pragma once

#include <optional>
#include <vector>

#include "data/panel.hpp"

namespace dcmmm {

struct Money {
  std::vector<double> cost_C;     // price per media unit; empty: spend as the panel has it, where it has any
  std::optional<double> revenue;  // that one unit of the target brings; without it, ROI is in units of the target

  bool has_spend(const PanelCoordinates& names) const { return !cost_C.empty() || names.has_spend; }
  /// The block with media times prices as its spend, where there are prices.
  Panel priced(Panel block) const;
};

}  // namespace dcmmm
