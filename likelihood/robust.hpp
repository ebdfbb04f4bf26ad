// What keeps a handful of regions and weeks from deciding the variance components: a scale of each region's errors, and
// Huber's weights of its cells.
#pragma once

#include "likelihood/gauss_newton.hpp"

namespace dcmmm {

/// Refreshes data.error_scale_R and data.weight_RT from the residuals of `mode`. Collective.
void refresh_scales(LikelihoodData& data, const FixedCovariance& covariance, const Mode& mode, const RegionLoop& loop);

/// The national level's path over `weeks` weeks from the panel's first one, given a mode.
Eigen::VectorXd national_path(const FixedCovariance& covariance, const Mode& mode, int64_t weeks);

}  // namespace dcmmm
