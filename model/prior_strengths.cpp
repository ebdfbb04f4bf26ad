#include "model/prior_strengths.hpp"

#include <cmath>

namespace dcmmm {

double ridge_factor(const Member& member, const ModelOptions& options, const LinearTerms& terms, int64_t term) {
  const double multiple = term < terms.channels                                   ? member.ridge_media
                          : term < terms.channels + terms.controls - terms.events ? member.ridge_controls
                          : term < terms.channels + terms.controls                ? options.ridge_events
                                                                                  : member.ridge_patterns;
  return member.ridge * 0.01 * multiple;
}

CurveSds curve_sds(const ModelOptions& options, int64_t channel) {
  CurveSds out{options.decay_prior_sd, options.exponent_prior_sd, options.half_saturation_prior_sd};
  if (channel >= std::ssize(options.knowledge.channels)) return out;
  // Given in natural units: times the coordinate's slope at the mean.
  const ChannelPrior& known = options.knowledge.channels[static_cast<size_t>(channel)];
  if (known.decay) out.decay = known.decay->sd * (1 / (known.decay->mean * (1 - known.decay->mean)));
  if (known.exponent)
    out.exponent = known.exponent->sd * (-1 / std::expm1(options.min_exponent - known.exponent->mean));
  if (known.half_saturation) out.half_saturation = known.half_saturation->sd * (1 / known.half_saturation->mean);
  return out;
}

}  // namespace dcmmm
