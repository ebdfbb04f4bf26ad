// A panel that holds no media, controls and spend, and gives them out block by block.
#pragma once

#include <utility>

#include "data/panel.hpp"

namespace dcmmm::testing {

class HeldBlocks final : public PanelBlocks {
 public:
  explicit HeldBlocks(Panel panel) : panel_(std::move(panel)) {}
  Panel read(int64_t first, int64_t count) const override {
    Panel block = slice_regions(panel_, first - panel_.first_region, count);
    block.coordinates.regions.clear();
    return block;
  }

 private:
  Panel panel_;
};

inline Panel thin_panel(const Panel& panel) {
  Panel thin = panel;
  thin.blocks = std::make_shared<const HeldBlocks>(panel);
  thin.media_RTC.clear();
  thin.controls_RTK.clear();
  thin.spend_RTC.clear();
  return thin;
}

}  // namespace dcmmm::testing
