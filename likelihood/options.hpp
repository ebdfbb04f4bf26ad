// Settings of the likelihood; the defaults are those of configs/model/default.yaml.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "data/experiments.hpp"
#include "model/knowledge.hpp"

namespace dcmmm {

/// Whether coefficients move over time: not at all, by waves in closed form, or by a GRU whose freedom the waves'
/// variance component decides.
enum class Drift { kNone, kWaves, kGru };

struct LikelihoodOptions {
  // Carry-over and saturation: where the shapes start, and their priors' standard deviations (of logit d,
  // softplus^-1(a - a_min), log g).
  double decay = 0.4, decay_prior_sd = 0.7;
  double min_exponent = 1.0, exponent = 2.0, exponent_prior_sd = 1.2;
  double max_exponent = std::numeric_limits<double>::infinity();  // above all priors' centres
  double half_saturation = 1.0, half_saturation_prior_sd = 0.7;
  double exponent_correlation = 0.5;           // of two channels' exponents
  std::vector<int64_t> delayed_channels = {};  // whose carry-over peaks late, over max_lag weeks
  int64_t max_lag = 13;
  double peak = 1.0, peak_prior_sd = 1.0;  // weeks; of the logit of peak / (max_lag - 1)

  // Priors of the linear terms, as shares of a region's mean target.
  double share_prior_sd = 0.1;  // of a channel's share of the target, around 0
  double control_prior_sd = 0.03;
  double event_prior_sd = 0.3;
  double pattern_prior_sd = 0.1;

  bool national = true;       // a shock common to all regions
  bool region_slopes = true;  // regions differ in how they respond to media and season
  Drift drift = Drift::kGru;  // of the coefficients over time, alike in all regions
  bool region_scales = true;  // a scale of each region's errors, and Huber's weights

  std::vector<ChannelPrior> channel_priors = {};  // none, or one a channel
  std::vector<int> control_signs = {};  // none, or one a control: 1 or -1 where its effect has this sign, or 0

  std::vector<Experiment> experiments = {};  // on the panel's weeks; those outside the training weeks don't count

  int64_t max_steps = 15;        // Gauss-Newton
  int64_t curve_draws = 600;     // of the chain that averages over curves; 0: the mode
  int64_t sample_regions = 200;  // at most so many regions decide the variance components and the GRU
  uint64_t seed = 0;             // of the GRU's starting weights and the chain
};

}  // namespace dcmmm
