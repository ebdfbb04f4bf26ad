#include "analysis/money.hpp"

#include <cstddef>

namespace dcmmm {

Panel Money::priced(Panel block) const {
  if (cost_C.empty()) return block;
  block.coordinates.has_spend = true;
  block.spend_RTC = block.media_RTC;
  for (std::size_t i = 0; i < block.spend_RTC.size(); ++i) block.spend_RTC[i] *= cost_C[i % cost_C.size()];
  return block;
}

}  // namespace dcmmm
