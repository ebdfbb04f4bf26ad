// Coefficients that drift: smooth deviations over time from a channel's constant coefficient, alike in all regions, as
// linear terms of their own. Shapes: N weeks, T training weeks, C channels, B waves.
#pragma once

#include <Eigen/Core>
#include <cstdint>

#include "likelihood/matrix.hpp"

namespace dcmmm {

/// Slow cosine waves over the training weeks, from one half wave to periods of 40 weeks, on a panel with `year` steps a
/// year; after the training weeks they stay where they ended. `variance_B`: prior variances of their amplitudes,
/// smaller for periods under a year, such that the deviation of a week has variance 1.
struct Waves {
  RowMatrix value_NB;
  Eigen::VectorXd variance_B;

  int64_t count() const { return value_NB.cols(); }
};

/// None where the training weeks are too few for any.
Waves drift_waves(int64_t training_weeks, int64_t weeks, double year);

}  // namespace dcmmm
