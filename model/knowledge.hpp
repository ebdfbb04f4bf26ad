// What is known from outside of the panel: priors of channels, signs of controls, lift tests. Shapes: C channels, K
// controls.
#pragma once

#include <optional>
#include <vector>

#include "data/experiments.hpp"

namespace dcmmm {

/// A normal prior in the units of what it is on.
struct GaussianPrior {
  double mean = 0, sd = 0;
};

/// What is known of a channel from outside; what isn't given has the prior that all channels share.
struct ChannelPrior {
  std::optional<GaussianPrior> roi;  // target per unit of spend, over the training weeks
  std::optional<GaussianPrior> decay, exponent, half_saturation;
};

struct Knowledge {
  std::vector<ChannelPrior> channels = {};   // none, or C
  std::vector<int> control_signs = {};       // none, or K: 1 or -1 where its effect has this sign, or 0
  std::vector<Experiment> experiments = {};  // on the panel's weeks
};

}  // namespace dcmmm
