// What media are measured against, decided by the panel.
#pragma once

#include <functional>
#include <string>

#include "likelihood/options.hpp"
#include "model/fit_data.hpp"

namespace dcmmm {

/// Throws UserError where the model wants a population that the panel doesn't have of every region. Collective.
void check_media_unit(const Panel& panel, MediaUnit unit, const RegionLoop& loop);

/// The unit under which the training weeks are most likely (MediaUnit; population where the panel has one of every
/// region), by a short fit of each. `model` as options_of_likelihood gives it; what it says already stays. Throws
/// UserError as check_media_unit does. Collective; the same on every rank.
MediaUnit choose_media_unit(const Panel& panel, const ModelOptions& model, const LikelihoodOptions& likelihood,
                            int64_t origin, const RegionLoop& loop, const std::function<void(const std::string&)>& log);

}  // namespace dcmmm
