// The members of an ensemble: the plain fit, and fits that say how far the answer may be off.
#pragma once

#include <cstdint>

#include "model/fit_data.hpp"

namespace dcmmm {

/// Member `number` of an ensemble. Number 0 has the settings of `options` and sees each cell once. The others weigh
/// regions and blocks of weeks at random, and draw what data hardly decide around the options: the curves' starting
/// values, stiffness, ridge, and the total that the ridge pulls the media towards. The bootstrap alone covers far too
/// little (docs/model.md). A draw depends on (run_seed, number) alone.
Member ensemble_member(const ModelOptions& options, int64_t origin, uint64_t run_seed, int64_t number);

}  // namespace dcmmm
