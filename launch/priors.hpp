// model.priors: what is known of channels and controls from outside.
#pragma once

#include <map>
#include <string>

#include "launch/value.hpp"
#include "trainer/estimate.hpp"

namespace dcmmm {

/// model.priors by name: {tv: {roi: 2, roi_sd: 0.5, decay: 0.6, decay_sd: 0.1}, price: {sign: negative}}. Throws
/// UserError for an unknown entry, a mean without its sd, values out of their range.
std::map<std::string, OutsideKnowledge> priors_of(const Value& config);

}  // namespace dcmmm
