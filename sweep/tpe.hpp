// Tree-structured Parzen estimators: trials where good ones are denser than the others.
#pragma once

#include <optional>
#include <vector>

#include "common/random.hpp"
#include "sweep/sampler.hpp"

namespace dcmmm {

/// Trials at random before the densities are used.
inline constexpr int64_t kTpeStartTrials = 10;

/// The candidate with the largest ratio of densities, l(x) of the best tenth of the finished trials (25 at most) over
/// g(x) of all others (Bergstra et al. 2011). Both are mixtures of product kernels over all parameters together, one
/// kernel a trial and a flat one as the prior (multivariate, as BOHB's: Falkner et al. 2018). Trials without a loss
/// count as others, so that workers side by side don't try the same place. None with fewer than two finished trials.
std::optional<std::vector<double>> tpe_values(const SearchSpace& space, const std::vector<Observation>& seen,
                                              RandomStream& random);

}  // namespace dcmmm
