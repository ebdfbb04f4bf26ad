// How strongly priors and ridge pull: the same numbers for the first phase, the loss, its table for a GPU, and the
// ladder of settings.
#pragma once

#include <cstdint>

#include "model/fit_data.hpp"
#include "model/options.hpp"

namespace dcmmm {

/// Linear terms in the order of the closed form: media responses, controls (the last of them events), patterns.
struct LinearTerms {
  int64_t channels = 0, controls = 0, events = 0;
};

/// The ridge on a linear term, as a factor on the term's own entry of the closed form's diagonal.
double ridge_factor(const Member& member, const ModelOptions& options, const LinearTerms& terms, int64_t term);

/// Standard deviations of a channel's curve in its parameters' coordinates (logit d, softplus^-1(a - a_min), log g):
/// its own where it is known from outside, else those that all channels share.
struct CurveSds {
  double decay, exponent, half_saturation;
};
CurveSds curve_sds(const ModelOptions& options, int64_t channel);

}  // namespace dcmmm
