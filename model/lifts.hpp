// Measured contributions as observations of the descent: lift tests, and known ROI as a lift of all weeks
// (docs/knowledge.md). Shapes: E members, X observations, n regions of a chunk, T weeks, C channels.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/panel.hpp"
#include "model/knowledge.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

struct FitData;

/// What a channel adds from its first week on, summed over regions and over each member's weeks.
struct LiftObservation {
  int64_t channel = 0;
  // Places in the panel's order, ascending; null: all. Shared, as every chunk copies the observations of its members.
  std::shared_ptr<const std::vector<int64_t>> regions;
  bool is_roi = false;  // counts observed training cells only, and regions' own slopes add nothing to it
  int64_t first_week = 0;
  std::vector<int64_t> last_week_E;  // included
  std::vector<double> lift_E;        // KPI units; a bootstrap's member draws its own
  std::vector<double> error_E;       // standard error; 0: not an observation of this member's weeks

  bool counts_for(int64_t member) const { return error_E[static_cast<size_t>(member)] > 0; }
  /// Whether it counts for any of the members: one that ends after all of their weeks counts for none.
  bool counts() const;
};

/// The experiments that are over before a member's origin, then known ROI, as observations of each member of `data`.
/// Throws UserError for a known ROI of a channel without spend. Collective.
std::vector<LiftObservation> lift_observations(const Panel& panel, const Knowledge& knowledge, const FitData& data,
                                               const RegionLoop& loop);

}  // namespace dcmmm
