// What media are measured against, and what the size of a region is, decided by the panel.
#pragma once

#include <functional>
#include <string>

#include "likelihood/options.hpp"
#include "model/fit_data.hpp"

namespace dcmmm {

/// Throws UserError where the model wants a population that the panel doesn't have of every region. Collective.
void check_media_unit(const Panel& panel, MediaUnit unit, const RegionLoop& loop);

/// A part of the mean target that all regions have alike and that doesn't move: they move with the nation by
/// (mean target - value), so what is left of their mean is their size.
struct SizeOffset {
  double value = 0;  // KPI units; 0 where it is none or can't be told
  double error = 0;  // its standard error
  double most = 0;   // what leaves every region a size
};

/// By least squares over regions: the slope of a region's relative target on the nation's is a (1 - value / m_r), m_r
/// its mean target. Training weeks are [0, origin). Collective; the same on every rank.
SizeOffset estimate_size_offset(const Panel& panel, int64_t origin, const RegionLoop& loop);

struct PanelScales {
  MediaUnit media_unit = MediaUnit::kRegion;
  double size_offset = 0;  // ModelOptions::size_offset
};

/// The scales under which the training weeks are most likely, by short fits: media per region, per mean target, and per
/// head where the panel has a population of every region; sizes with an offset where there is one, by a search
/// around its estimate. `model` as
/// options_of_likelihood gives it; the unit that it says already stays. Throws UserError as check_media_unit does.
/// Collective; the same on every rank.
PanelScales choose_panel_scales(const Panel& panel, const ModelOptions& model, const LikelihoodOptions& likelihood,
                                int64_t origin, const RegionLoop& loop,
                                const std::function<void(const std::string&)>& log);

}  // namespace dcmmm
