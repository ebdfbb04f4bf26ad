// Quantiles of the normal and of Student's t distribution.
#pragma once

namespace dcmmm {

/// The normal quantile z with P(Z <= z) = probability, to rounding. REQUIRES: 0 < probability < 1.
double normal_quantile(double probability);

/// Student's t quantile, by its expansion in 1 / degrees (Fisher and Cornish 1960): within 1 % from 4 degrees on, for
/// probabilities of 0.005 to 0.995. REQUIRES: 0 < probability < 1, degrees >= 2.
double student_quantile(double probability, double degrees);

}  // namespace dcmmm
